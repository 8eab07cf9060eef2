package sqlite

import (
	"context"
	"fmt"
)

// applicationID marks a database file as one of this package ("Post" in ASCII).
const applicationID = 0x506f7374

// firstVersion is the version of the schema that the first of the migrations
// creates. Earlier versions were not released, and are not read.
const firstVersion = 2

// migrations take a database from each version of the schema to the next, the
// first from an empty file. Released migrations are never changed; new ones are
// appended. The version is kept in PRAGMA user_version.
//
// The design in short:
//   - Every key starts with the account, so that a database that shards can
//     keep an account in one place.
//   - The rows of account and mailbox hold counters, so that neither STATUS nor
//     a quota ever counts messages.
//   - A message is an entry that refers to a content. Copies share the content,
//     which counts its references. A content without references is free from
//     free_at on, and is deleted in small steps: expunged mail, and bodies whose
//     Append did not complete.
//   - A UID that has vanished is kept with the ModSeq of the expunge. Their number
//     is bounded: above the bound the ModSeq of the oldest becomes zero, so that
//     neighbours can be joined.
//   - A small body is one row of body, a large one many rows of chunk.
var migrations = []string{
	`
CREATE TABLE account (
	id            INTEGER PRIMARY KEY AUTOINCREMENT,
	name          TEXT    NOT NULL UNIQUE,
	epoch         INTEGER NOT NULL,  -- counts changes to the list of mailboxes, subscriptions and limits
	uidvalidity   INTEGER NOT NULL,  -- the highest that was given to a mailbox
	mailboxes     INTEGER NOT NULL,
	messages      INTEGER NOT NULL,
	storage       INTEGER NOT NULL,  -- octets of all messages, each copy counted
	max_mailboxes INTEGER NOT NULL,  -- the quota; negative: none
	max_messages  INTEGER NOT NULL,
	max_storage   INTEGER NOT NULL
) STRICT;

CREATE TABLE past (                      -- one row: what deleted accounts leave behind
	uidvalidity INTEGER NOT NULL     -- at least the highest they had
) STRICT;

INSERT INTO past VALUES (0);

CREATE TABLE mailbox (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	account     INTEGER NOT NULL,
	name        TEXT    NOT NULL,
	use         INTEGER NOT NULL,    -- mailbox.SpecialUse
	uidvalidity INTEGER NOT NULL,
	uidnext     INTEGER NOT NULL,
	modseq      INTEGER NOT NULL,    -- the highest
	recent      INTEGER NOT NULL,    -- the lowest UID that no session has claimed as recent
	messages    INTEGER NOT NULL,
	unseen      INTEGER NOT NULL,
	deleted     INTEGER NOT NULL,
	storage     INTEGER NOT NULL,
	vanished    INTEGER NOT NULL,    -- rows of vanished with a modseq
	forgotten   INTEGER NOT NULL,    -- the highest modseq of those that have lost theirs
	UNIQUE (account, name)
) STRICT;

CREATE TABLE subscription (
	account INTEGER NOT NULL,
	name    TEXT    NOT NULL,
	PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
	account  INTEGER NOT NULL,
	mailbox  INTEGER NOT NULL,
	uid      INTEGER NOT NULL,
	modseq   INTEGER NOT NULL,
	flags    INTEGER NOT NULL,       -- mailbox.SystemFlags
	keywords TEXT    NOT NULL,       -- sorted, with spaces between
	date     INTEGER NOT NULL,       -- internal date, in seconds of Unix time
	zone     INTEGER NOT NULL,       -- its zone, in seconds east of UTC
	saved    INTEGER NOT NULL,       -- save date, in seconds of Unix time
	size     INTEGER NOT NULL,
	content  INTEGER NOT NULL,
	PRIMARY KEY (account, mailbox, uid)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_modseq ON message (account, mailbox, modseq);
CREATE INDEX message_unseen ON message (account, mailbox, uid) WHERE flags & 8 = 0;
CREATE INDEX message_deleted ON message (account, mailbox, uid) WHERE flags & 4 <> 0;
CREATE INDEX message_keywords ON message (account, mailbox, keywords) WHERE keywords <> '';

CREATE TABLE vanished (                  -- every UID below uidnext that no message has
	account INTEGER NOT NULL,
	mailbox INTEGER NOT NULL,
	modseq  INTEGER NOT NULL,        -- of the expunge, or zero
	first   INTEGER NOT NULL,
	last    INTEGER NOT NULL,
	PRIMARY KEY (account, mailbox, modseq, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE keyword (                   -- every keyword that messages of a mailbox have, or have had
	account INTEGER NOT NULL,
	mailbox INTEGER NOT NULL,
	name    TEXT    NOT NULL,        -- in lower case
	keyword TEXT    NOT NULL,        -- as it was spelt first
	PRIMARY KEY (account, mailbox, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE content (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	account INTEGER NOT NULL,
	refs    INTEGER NOT NULL,        -- messages that have it
	free_at INTEGER NOT NULL,        -- without refs: when it may be swept away, in seconds of Unix time
	header  INTEGER NOT NULL,        -- octets of the header, with the empty line that ends it
	summary BLOB    NOT NULL         -- message.Summary.AppendBinary
) STRICT;

CREATE INDEX content_free ON content (free_at) WHERE refs = 0;

CREATE TABLE body (                      -- a content that fits into one row
	id      INTEGER PRIMARY KEY,     -- of the content
	account INTEGER NOT NULL,
	data    BLOB    NOT NULL
) STRICT;

CREATE TABLE chunk (                     -- a piece of a content that does not
	id      INTEGER PRIMARY KEY,     -- not without rowid: comparing keys would read the data
	account INTEGER NOT NULL,
	content INTEGER NOT NULL,
	offset  INTEGER NOT NULL,        -- of its first octet
	data    BLOB    NOT NULL,
	UNIQUE (account, content, offset)
) STRICT;

CREATE TABLE trash (                     -- deleted mailboxes with messages still to be swept away
	account INTEGER NOT NULL,
	mailbox INTEGER NOT NULL,
	PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;
`,
	// What waits to be freed counts; see space.go.
	`
ALTER TABLE account ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0; -- of its contents without refs, and its messages in trash
ALTER TABLE content ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0; -- without refs: its octets, those reserved, and 512 for rows

CREATE INDEX content_waiting ON content (account, free_at) WHERE refs = 0;

UPDATE content SET waiting = 512 + length(summary) + ifnull((SELECT length(data) FROM body b WHERE b.id = content.id),
	(SELECT ifnull(sum(length(data)), 0) FROM chunk k WHERE k.account = content.account AND k.content = content.id))
	WHERE refs = 0;

UPDATE account SET waiting =
	(SELECT ifnull(sum(waiting), 0) FROM content c WHERE c.account = account.id AND refs = 0) +
	(SELECT ifnull(sum(m.size + 512), 0) FROM trash t JOIN message m ON m.account = t.account AND m.mailbox = t.mailbox
		WHERE t.account = account.id);
`,
}

// migrate brings the schema up to date, all or none.
func (c *conn) migrate(ctx context.Context, migrations []string) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.rollback()
	id, err := c.queryInt("PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := c.queryInt("PRAGMA user_version")
	if err != nil {
		return err
	}
	tables, err := c.queryInt("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	newest := int64(firstVersion + len(migrations) - 1)
	switch {
	case tables > 0 && id != applicationID:
		return fmt.Errorf("sqlite: the file is a database of another program")
	case version > newest, tables > 0 && version < firstVersion:
		return fmt.Errorf("sqlite: the database has schema version %d, this program knows %d to %d", version, firstVersion, newest)
	case version == newest:
		return nil
	}
	for _, m := range migrations[max(0, version-firstVersion+1):] {
		if err := c.script(m); err != nil {
			return err
		}
	}
	if err := c.script(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, newest)); err != nil {
		return err
	}
	return c.commit()
}
