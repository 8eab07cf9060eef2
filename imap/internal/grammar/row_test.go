package grammar

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// Samples of commands as a client writes them, by the row that reads a part of
// them.
var (
	commandSamples = map[string]string{
		"CAPABILITY": "CAPABILITY", "NOOP": "NOOP", "LOGOUT": "LOGOUT", "STARTTLS": "STARTTLS", "NAMESPACE": "NAMESPACE", "IDLE": "IDLE",
		"CHECK": "CHECK", "CLOSE": "CLOSE", "UNSELECT": "UNSELECT", "EXPUNGE": "EXPUNGE",
		"ID":           `ID ("name" "sodr" "vendor" NIL)`,
		"LOGIN":        `LOGIN fred "se\"cret"`,
		"AUTHENTICATE": "AUTHENTICATE PLAIN AGEAYg==",
		"ENABLE":       "ENABLE CONDSTORE X-GOOD-IDEA",
		"SELECT":       "SELECT INBOX",
		"EXAMINE":      `EXAMINE "a b"`,
		"CREATE":       "CREATE a/",
		"DELETE":       "DELETE Entw&APw-rfe",
		"RENAME":       "RENAME a b",
		"SUBSCRIBE":    "SUBSCRIBE a",
		"UNSUBSCRIBE":  "UNSUBSCRIBE a",
		"LIST":         `LIST "" *`,
		"LSUB":         "LSUB #news. comp.%",
		"STATUS":       "STATUS a (UIDNEXT MESSAGES)",
		"APPEND":       "APPEND a (\\Seen) \" 7-Feb-1994 21:52:25 -0800\" {3+}\r\n",
		"GETQUOTA":     `GETQUOTA ""`,
		"GETQUOTAROOT": "GETQUOTAROOT INBOX",
		"SETQUOTA":     `SETQUOTA "" (STORAGE 512 MESSAGE 9)`,
		"UID EXPUNGE":  "UID EXPUNGE 3000:3002",
		"SEARCH":       "SEARCH 1:* (ANSWERED OR SEEN DELETED)",
		"UID SEARCH":   "UID SEARCH ALL",
		"SORT":         "SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
		"UID SORT":     "UID SORT RETURN (COUNT) (DATE) UTF-8 UNDELETED UNKEYWORD $Junk",
		"THREAD":       "THREAD ORDEREDSUBJECT UTF-8 ALL",
		"UID THREAD":   "UID THREAD REFS UTF-8 SINCE 5-Mar-2000 FLAGGED",
		"ESEARCH":      `ESEARCH IN (SELECTED) RETURN (COUNT) UNSEEN`,
		"NOTIFY":       "NOTIFY SET STATUS (SELECTED (MessageNew (UID BODY.PEEK[HEADER]) MessageExpunge)) (MAILBOXES (a b) NONE)",
		"COMPRESS":     "COMPRESS DEFLATE", "UNAUTHENTICATE": "UNAUTHENTICATE",
		"UIDBATCHES":   "UIDBATCHES 2000 10:20",
		"CANCELUPDATE": `CANCELUPDATE "B01" "B02"`,
		"FETCH":        "FETCH 2:4 (FLAGS UID)",
		"UID FETCH":    "UID FETCH 2:4 (FLAGS)",
		"STORE":        `STORE 1 +FLAGS (\Deleted)`,
		"UID STORE":    "UID STORE 1,5 -FLAGS.SILENT ($Junk)",
		"COPY":         "COPY 2:4 MEETING",
		"UID COPY":     "UID COPY 4,*:7 MEETING",
		"MOVE":         "MOVE $ a",
		"UID MOVE":     "UID MOVE 42:69 a",
		"REPLACE":      "REPLACE 4 Drafts (\\Seen) {3+}\r\n", "UID REPLACE": "UID REPLACE * Drafts {3+}\r\n", "RLIST": `RLIST "" *`, "RLSUB": "RLSUB #news. %",
		"GENURLAUTH": `GENURLAUTH "imap://a@b/c;urlauth=anonymous" INTERNAL`, "RESETKEY": "RESETKEY INBOX INTERNAL", "URLFETCH": `URLFETCH "u" "v"`,
		"LANGUAGE": "LANGUAGE DE default", "COMPARATOR": `COMPARATOR "cz;*" i;basic`, "GETJMAPACCESS": "GETJMAPACCESS",
		"SETACL": "SETACL INBOX/Drafts Chris +cda", "DELETEACL": "DELETEACL INBOX -Fred", "GETACL": "GETACL INBOX",
		"LISTRIGHTS": "LISTRIGHTS ~/Mail/saved smith", "MYRIGHTS": "MYRIGHTS INBOX",
		"GETMETADATA": `GETMETADATA (MAXSIZE 1024 DEPTH 1) INBOX (/shared/comment /private/comment)`,
		"SETMETADATA": `SETMETADATA "" (/shared/comment "x" /private/comment NIL)`,
	}
	selectSamples = map[string]string{
		"ANNOTATE":  "SELECT a (ANNOTATE)",
		"CONDSTORE": "SELECT a (CONDSTORE)",
		"QRESYNC":   "SELECT a (QRESYNC (67890007 90060115194045000 41:211 (1:2 3:4)))",
	}
	createSamples     = map[string]string{"USE": `CREATE a (USE (\Drafts \Sent))`}
	listSelectSamples = map[string]string{
		"SUBSCRIBED": `LIST (SUBSCRIBED) "" *`, "REMOTE": `LIST (REMOTE) "" *`,
		"RECURSIVEMATCH": `LIST (SUBSCRIBED RECURSIVEMATCH) "" (a b%)`, "SPECIAL-USE": `LIST (SPECIAL-USE) "" *`,
	}
	listReturnSamples = map[string]string{
		"SUBSCRIBED": `LIST "" * RETURN (SUBSCRIBED)`, "CHILDREN": `LIST "" * RETURN (CHILDREN)`,
		"SPECIAL-USE": `LIST "" * RETURN (SPECIAL-USE)`, "STATUS": `LIST "" * RETURN (CHILDREN STATUS (MESSAGES UNSEEN))`,
		"METADATA": `LIST "" % RETURN (METADATA ("/shared/vendor/cmu/cyrus-imapd/color"))`, "MYRIGHTS": `LIST "" % RETURN (MYRIGHTS)`,
	}
	searchReturnSamples = map[string]string{
		"MIN": "SEARCH RETURN (MIN) ALL", "MAX": "SEARCH RETURN (MIN MAX) ALL", "ALL": "SEARCH RETURN (ALL) ALL",
		"COUNT": "UID SEARCH RETURN (COUNT) ALL", "SAVE": "SEARCH RETURN (COUNT SAVE) ALL",
		"CONTEXT": "SEARCH RETURN (COUNT CONTEXT) ALL", "UPDATE": "UID SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER])) ALL",
		"PARTIAL": "UID SEARCH RETURN (PARTIAL -1:-100) ALL", "RELEVANCY": "SEARCH RETURN (ALL RELEVANCY) FUZZY ALL",
	}
	scopeSamples = map[string]string{
		"SELECTED": "NOTIFY SET (SELECTED NONE)", "SELECTED-DELAYED": "NOTIFY SET (SELECTED-DELAYED NONE)", "PERSONAL": "NOTIFY SET (PERSONAL NONE)",
		"INBOXES": "NOTIFY SET (INBOXES NONE)", "SUBSCRIBED": "NOTIFY SET (SUBSCRIBED NONE)", "MAILBOXES": "NOTIFY SET (MAILBOXES Entw&APw-rfe NONE)",
		"SUBTREE": "NOTIFY SET (SUBTREE (a b) NONE)", "SUBTREE-ONE": "ESEARCH IN (PERSONAL SUBTREE-ONE a) ALL",
	}
	sortKeySamples = map[string]string{
		"ARRIVAL": "SORT (ARRIVAL) UTF-8 ALL", "CC": "SORT (CC) UTF-8 ALL", "DATE": "SORT (REVERSE DATE) UTF-8 ALL", "FROM": "SORT (FROM) UTF-8 ALL",
		"SIZE": "SORT (SIZE) UTF-8 ALL", "SUBJECT": "SORT (SUBJECT) UTF-8 ALL", "TO": "SORT (TO) UTF-8 ALL", "RELEVANCY": "SORT (RELEVANCY) UTF-8 FUZZY ALL",
		"DISPLAYFROM": "SORT (DISPLAYFROM) UTF-8 ALL", "DISPLAYTO": "SORT (SUBJECT REVERSE DISPLAYTO) UTF-8 ALL",
	}
	appendItemSamples = map[string]string{"ANNOTATION": "APPEND a ANNOTATION (/comment (value.priv NIL)) {3+}\r\n", "UTF8": "APPEND a UTF8 (~{3+}\r\n", "CATENATE": "APPEND a (\\Seen) CATENATE ("}
	catPartSamples    = map[string]string{"URL": `URL "/a b;UID=20"`, "TEXT": "TEXT {3+}\r\n", "UTF8": "UTF8 (~{3+}\r\n"}
	fetchItemSamples  = map[string]string{
		"UID": "FETCH 1 (UID)", "FLAGS": "FETCH 1 (FLAGS)", "INTERNALDATE": "FETCH 1 (INTERNALDATE)", "RFC822.SIZE": "FETCH 1 (RFC822.SIZE)",
		"ENVELOPE": "FETCH 1 (ENVELOPE)", "BODYSTRUCTURE": "FETCH 1 (BODYSTRUCTURE)", "BODY": "FETCH 1 (BODY)",
		"BODY[":      "FETCH 1 (BODY[1.HEADER.FIELDS.NOT (A b)]<5.6>)",
		"BODY.PEEK[": "FETCH 1 (BODY.PEEK[1.2.MIME])",
		"RFC822":     "FETCH 1 (RFC822)", "RFC822.HEADER": "FETCH 1 (RFC822.HEADER)", "RFC822.TEXT": "FETCH 1 (RFC822.TEXT)",
		"BINARY[": "FETCH 1 (BINARY[1.2]<0.6>)", "BINARY.PEEK[": "FETCH 1 (BINARY.PEEK[])", "BINARY.SIZE[": "FETCH 1 (BINARY.SIZE[3])",
		"MODSEQ": "FETCH 1 (MODSEQ)", "EMAILID": "FETCH 1 (EMAILID)", "THREADID": "FETCH 1 (THREADID)", "SAVEDATE": "FETCH 1 (SAVEDATE)",
		"PREVIEW":    "FETCH 1 (PREVIEW PREVIEW (LAZY))",
		"ANNOTATION": "FETCH 1 (ANNOTATION ((/comment /%) (value.priv size)))", "X-GM-MSGID": "FETCH 1 (X-GM-MSGID)", "X-GM-THRID": "FETCH 1 (X-GM-THRID)", "X-GM-LABELS": "FETCH 1 (X-GM-LABELS)",
	}
	fetchModifierSamples = map[string]string{
		"CHANGEDSINCE": "FETCH 1 (UID) (CHANGEDSINCE 0)", "VANISHED": "UID FETCH 1 (UID) (CHANGEDSINCE 12345 VANISHED)",
		"PARTIAL": "UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-30)",
	}
	storeItemSamples = map[string]string{
		"FLAGS": "STORE 1 FLAGS (a)", "FLAGS.SILENT": "STORE 1 +FLAGS.SILENT ()",
		"X-GM-LABELS": `STORE 1 +X-GM-LABELS (foo \Inbox "a b")`, "ANNOTATION": `STORE 1 ANNOTATION (/comment (value.priv "x" value.shared NIL))`, "X-GM-LABELS.SILENT": "UID STORE 1 -X-GM-LABELS.SILENT (Entw&APw-rfe)",
	}
	storeModifierSamples = map[string]string{"UNCHANGEDSINCE": `STORE 1 (UNCHANGEDSINCE 0) FLAGS ()`}
	searchKeySamples     = map[string]string{
		"ALL": "ALL", "NOT": "NOT (SEEN DRAFT)", "OR": "OR SEEN NOT DRAFT", "UID": "UID 1:*", "RECENT": "RECENT", "OLD": "OLD", "NEW": "NEW",
		"ANSWERED": "ANSWERED", "UNANSWERED": "UNANSWERED", "DELETED": "DELETED", "UNDELETED": "UNDELETED", "DRAFT": "DRAFT", "UNDRAFT": "UNDRAFT",
		"FLAGGED": "FLAGGED", "UNFLAGGED": "UNFLAGGED", "SEEN": "SEEN", "UNSEEN": "UNSEEN", "KEYWORD": "KEYWORD $Junk", "UNKEYWORD": "UNKEYWORD $Junk",
		"BCC": `BCC "a"`, "CC": `CC "a"`, "FROM": `FROM "a"`, "SUBJECT": `SUBJECT ""`, "TO": `TO "a"`, "HEADER": `HEADER Message-ID "<a@b>"`,
		"BODY": `BODY "a b"`, "TEXT": `TEXT "a"`, "LARGER": "LARGER 5", "SMALLER": "SMALLER 0",
		"BEFORE": "BEFORE 1-Feb-1994", "ON": "ON 1-Feb-1994", "SINCE": "SINCE 1-Feb-1994",
		"SENTBEFORE": "SENTBEFORE 1-Feb-1994", "SENTON": "SENTON 1-Feb-1994", "SENTSINCE": "SENTSINCE 1-Feb-1994",
		"SAVEDBEFORE": "SAVEDBEFORE 1-Feb-1994", "SAVEDON": "SAVEDON 1-Feb-1994", "SAVEDSINCE": "SAVEDSINCE 1-Feb-1994",
		"SAVEDATESUPPORTED": "SAVEDATESUPPORTED", "OLDER": "OLDER 5", "YOUNGER": "YOUNGER 5", "EMAILID": "EMAILID M1", "THREADID": "THREADID T1",
		"ANNOTATION": `ANNOTATION /* value.priv "IMAP4"`, "X-GM-RAW": `X-GM-RAW "has:attachment in:unread"`, "X-GM-MSGID": "X-GM-MSGID 18446744073709551615", "X-GM-THRID": "X-GM-THRID 1266894439832287888",
		"X-GM-LABELS": `X-GM-LABELS foo X-GM-LABELS \Sent`,
		"MODSEQ":      `MODSEQ 5 MODSEQ "/flags/\\draft" all 0`,
		"FILTER":      "FILTER on-the-road", "UIDAFTER": "UIDAFTER 24000", "UIDBEFORE": "UIDBEFORE 24001",
		"FUZZY": `FUZZY SUBJECT "work" FUZZY (LARGER 900000 SMALLER 1100000)`,
	}
)

// Samples of responses, as a server writes them.
var (
	responseSamples = map[string]string{
		"CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN",
		"ENABLED":    "* ENABLED CONDSTORE",
		"ID":         `* ID ("name" "Posthorn")`,
		"FLAGS":      `* FLAGS (\Seen $Junk)`,
		"LIST":       `* LIST (\Noselect) "/" a/b`,
		"LSUB":       `* LSUB () NIL a`,
		"XLIST":      `* XLIST () "/" a`,
		"STATUS":     "* STATUS a (MESSAGES 231 UIDNEXT 44292)",
		"NAMESPACE":  `* NAMESPACE (("" "/")("#mh/" NIL "X" ("a" "b"))) NIL (("#shared/" "." "TRANSLATION" ("Entw&APw-rfe/")))`,
		"SEARCH":     "* SEARCH 2 84 882 (MODSEQ 917162500)",
		"ESEARCH":    `* ESEARCH (TAG "A282") UID`,
		"SORT":       "* SORT 5 3 4 (MODSEQ 917162500)",
		"UIDBATCHES": `* UIDBATCHES (TAG "A143") 215295:99696,99695:20351,7:7`,
		"THREAD":     "* THREAD (2)(3 6 (4 23)(44 7 96))",
		"QUOTA":      `* QUOTA "" (STORAGE 10 512 MESSAGE 3 4)`,
		"QUOTAROOT":  `* QUOTAROOT INBOX "" "b"`,
		"VANISHED":   "* VANISHED (EARLIER) 41,43:116",
		"GENURLAUTH": `* GENURLAUTH "u" "v"`, "URLFETCH": "* URLFETCH \"u\" NIL \"v\" (BODYPARTSTRUCTURE NIL) (BODY \"x\") (BINARY ~{2}\r\n\x00a)",
		"LANGUAGE": "* LANGUAGE (EN DE)", "COMPARATOR": "* COMPARATOR i;basic (i;basic i;octet)", "JMAPACCESS": `* JMAPACCESS "https://a/b"`,
		"ACL": "* ACL INBOX Fred rwipslxetad -Fred wetd", "LISTRIGHTS": `* LISTRIGHTS a smith "" r swicdkxte`, "MYRIGHTS": "* MYRIGHTS INBOX lr",
		"METADATA": `* METADATA INBOX (/shared/comment "x" /private/comment NIL)`,
	}
	listItemSamples = map[string]string{
		"CHILDINFO": `* LIST () "/" a (CHILDINFO ("SUBSCRIBED"))`, "OLDNAME": `* LIST () "/" a (OLDNAME ("b c"))`,
	}
	statusSamples = map[string]string{
		"MESSAGES": "MESSAGES 0", "RECENT": "RECENT 4294967295", "UIDNEXT": "UIDNEXT 5", "UIDVALIDITY": "UIDVALIDITY 5", "UNSEEN": "UNSEEN 5",
		"DELETED": "DELETED 5", "SIZE": "SIZE 1099511627776", "HIGHESTMODSEQ": "HIGHESTMODSEQ 0", "APPENDLIMIT": "APPENDLIMIT NIL",
		"MAILBOXID": "MAILBOXID (F1)", "DELETED-STORAGE": "DELETED-STORAGE 8",
	}
	searchItemSamples = map[string]string{"MIN": "MIN 2", "MAX": "MAX 4", "COUNT": "COUNT 0", "ALL": "ALL 43,500:600", "MODSEQ": "MODSEQ 5",
		"PARTIAL": "PARTIAL (-1:-100 NIL)", "RELEVANCY": "RELEVANCY (4 99 42)",
		"ADDTO": "ADDTO (1 2733 1 2731:2732) REMOVEFROM (0 7) ADDTO (5 9)", "REMOVEFROM": "REMOVEFROM (0 32768)",
	}
	correlatorSamples = map[string]string{"TAG": `TAG "A282"`, "MAILBOX": "MAILBOX Entw&APw-rfe", "UIDVALIDITY": `TAG "tag1" MAILBOX folder2/banana UIDVALIDITY 503`}
	fetchDataSamples  = map[string]string{
		"UID": "UID 5", "RFC822.SIZE": "RFC822.SIZE 44827", "FLAGS": `FLAGS (\Seen $Junk)`, "INTERNALDATE": `INTERNALDATE "17-Jul-1996 02:44:25 -0700"`,
		"ENVELOPE":      `ENVELOPE ("d" "s" ((NIL NIL "a" "b")) ((NIL NIL "c" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL "<m>")`,
		"BODYSTRUCTURE": `BODYSTRUCTURE ("image" "png" ("name" "x") NIL NIL "base64" 5 NIL ("inline" NIL) ("en" "de") NIL)`,
		"BODY":          `BODY (("text" "html" NIL NIL NIL "7bit" 5 1)("text" "html" NIL NIL NIL "7bit" 5 1) "mixed")`,
		"BODY[":         "BODY[1.TEXT]<5> {3}\r\nabc", "RFC822": "RFC822 {0}\r\n", "RFC822.HEADER": "RFC822.HEADER NIL", "RFC822.TEXT": "RFC822.TEXT {1}\r\na",
		"BINARY[": "BINARY[1.2] ~{2}\r\n\x00a", "BINARY.SIZE[": "BINARY.SIZE[3] 7", "MODSEQ": "MODSEQ (5)",
		"ANNOTATION": `ANNOTATION (/comment (value.priv "x" value.shared NIL) /altsubject)`, "X-GM-MSGID": "X-GM-MSGID 1278455344230334865", "X-GM-THRID": "X-GM-THRID 18446744073709551615",
		"X-GM-LABELS": `X-GM-LABELS (\Inbox \Sent Important "Muy Importante" Entw&APw-rfe)`,
		"EMAILID":     "EMAILID (M1)", "THREADID": "THREADID NIL", "SAVEDATE": "SAVEDATE NIL", "PREVIEW": `PREVIEW "hi"`,
	}
	codeSamples = map[string]string{
		"CAPABILITY": "CAPABILITY IMAP4rev1 IDLE", "PERMANENTFLAGS": `PERMANENTFLAGS (\Seen \*)`, "UIDNEXT": "UIDNEXT 5", "UIDVALIDITY": "UIDVALIDITY 5",
		"UNSEEN": "UNSEEN 5", "APPENDUID": "APPENDUID 38505 3955:3957", "COPYUID": "COPYUID 38505 304,319:320 3956:3958",
		"HIGHESTMODSEQ": "HIGHESTMODSEQ 5", "MODIFIED": "MODIFIED 7,9", "MAILBOXID": "MAILBOXID (F1)", "BADCHARSET": "BADCHARSET (UTF-8 KOI8-R)",
		"URLMECH": "URLMECH INTERNAL XSAMPLE=YWI=", "ANNOTATE": "ANNOTATE TOOBIG", "ANNOTATIONS": "ANNOTATIONS 20480 NOPRIVATE", "BADURL": "BADURL /INBOX;UID=113330", "REFERRAL": "REFERRAL imap://a;AUTH=*@b/c imap://d/",
		"METADATA": "METADATA LONGENTRIES 2199",
		"NOUPDATE": `NOUPDATE "B02"`, "BADEVENT": "BADEVENT (MessageNew MessageExpunge)", "UNDEFINED-FILTER": "UNDEFINED-FILTER on-the-road",
		"INPROGRESS": `INPROGRESS ("A001" 454 1000)`, "MESSAGELIMIT": "MESSAGELIMIT 1000 23221",
	}
)

// Every row reads what it writes, and writes what it reads. A row that is not
// offered is refused as if it were unknown.
func TestRows(t *testing.T) {
	t.Run("commands", func(t *testing.T) { eachRow(t, all().commands, commandSamples, checkCommand) })
	t.Run("SELECT parameters", func(t *testing.T) { eachRow(t, all().selectParams, selectSamples, checkCommand) })
	t.Run("CREATE parameters", func(t *testing.T) { eachRow(t, all().createParams, createSamples, checkCommand) })
	t.Run("LIST selection options", func(t *testing.T) { eachRow(t, all().listSelects, listSelectSamples, checkCommand) })
	t.Run("LIST return options", func(t *testing.T) { eachRow(t, all().listReturns, listReturnSamples, checkCommand) })
	t.Run("SEARCH result options", func(t *testing.T) { eachRow(t, all().searchReturns, searchReturnSamples, checkCommand) })
	t.Run("scopes", func(t *testing.T) { eachRow(t, all().scopes, scopeSamples, checkCommand) })
	t.Run("sort keys", func(t *testing.T) { eachRow(t, all().sortKeys, sortKeySamples, checkCommand) })
	t.Run("SEARCH keys", func(t *testing.T) {
		eachRow(t, all().searchKeys, around("SEARCH ", searchKeySamples, ""), checkCommand)
	})
	t.Run("APPEND items", func(t *testing.T) { eachRow(t, all().appendItems, appendItemSamples, checkCommand) })
	t.Run("CATENATE parts", func(t *testing.T) { eachRow(t, all().catParts, catPartSamples, checkPart) })
	t.Run("FETCH items", func(t *testing.T) { eachRow(t, all().fetchItems, fetchItemSamples, checkCommand) })
	t.Run("FETCH modifiers", func(t *testing.T) { eachRow(t, all().fetchModifiers, fetchModifierSamples, checkCommand) })
	t.Run("STORE items", func(t *testing.T) { eachRow(t, all().storeItems, storeItemSamples, checkCommand) })
	t.Run("STORE modifiers", func(t *testing.T) { eachRow(t, all().storeModifiers, storeModifierSamples, checkCommand) })
	t.Run("STATUS items asked for", func(t *testing.T) {
		names := make(map[string]string)
		for name := range statusSamples {
			names[name] = "STATUS a (" + name + ")"
		}
		eachRow(t, all().statusItems, names, checkCommand)
	})

	t.Run("responses", func(t *testing.T) { eachRow(t, all().responses, responseSamples, checkResponse) })
	t.Run("LIST items", func(t *testing.T) { eachRow(t, all().listItems, listItemSamples, checkResponse) })
	t.Run("STATUS items", func(t *testing.T) {
		eachRow(t, all().statusItems, around("* STATUS a (", statusSamples, ")"), checkResponse)
	})
	t.Run("ESEARCH items", func(t *testing.T) {
		eachRow(t, all().searchItems, around("* ESEARCH ", searchItemSamples, ""), checkResponse)
	})
	t.Run("search correlators", func(t *testing.T) {
		eachRow(t, all().correlators, around("* ESEARCH (", correlatorSamples, ")"), checkResponse)
	})
	t.Run("FETCH data", func(t *testing.T) {
		eachRow(t, all().fetchData, around("* 1 FETCH (", fetchDataSamples, ")"), checkResponse)
	})
	t.Run("codes", func(t *testing.T) { eachRow(t, all().codes, around("* OK [", codeSamples, "] x"), checkResponse) })
}

func around(before string, samples map[string]string, after string) map[string]string {
	out := make(map[string]string, len(samples))
	for name, s := range samples {
		out[name] = before + s + after
	}
	return out
}

// eachRow calls check with the sample of each row. written is false for a row that
// is only read.
func eachRow[T any](t *testing.T, rows table[T], samples map[string]string, check func(t *testing.T, line string, written bool, caps []imap.Cap)) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			line := samples[r.name]
			require.NotEmpty(t, line, "a row without a sample")
			check(t, line, r.has != nil, r.caps)
		})
	}
	for name := range samples {
		require.NotNil(t, rows.get([]byte(name)), "a sample without a row: %s", name)
	}
}

func checkCommand(t *testing.T, line string, written bool, caps []imap.Cap) {
	rest := "\r\n"
	if strings.HasSuffix(line, "+}\r\n") {
		rest = "abc\r\n" // the message of APPEND
		if strings.Contains(line, "UTF8 (") {
			rest = "abc)\r\n"
		}
	} else if strings.HasSuffix(line, " CATENATE (") {
		rest = "URL a)\r\n"
	}
	read := func(line string, offered func(imap.Cap) bool) (imap.Command, error) {
		p := newPeer("a "+line+rest+"z NOOP\r\n", wire.LimitsAfterLogin())
		p.SetOffered(offered)
		_, cmd, err := p.ReadCommand()
		inStep(t, p)
		return cmd, err
	}
	cmd, err := read(line, nil)
	require.NoError(t, err)
	if written {
		e := wire.Encoder{Mode: wire.LiteralPlus}
		WriteCommand(&e, cmd)
		require.NoError(t, e.Err)
		require.Equal(t, line, string(e.B))
		again, err := read(string(e.B), nil)
		require.NoError(t, err)
		require.Equal(t, cmd, again)
	}
	if len(caps) == 0 {
		return
	}
	// The commands that the samples of their keys and options stand in.
	base := []imap.Cap{imap.CapIMAP4rev2, imap.CapSort, imap.CapESort, imap.CapNotify}
	_, err = read(line, func(c imap.Cap) bool { return slices.Contains(caps, c) || slices.Contains(base, c) })
	require.NoError(t, err, "offered")
	_, err = read(line, func(c imap.Cap) bool { return !slices.Contains(caps, c) })
	var e *imap.Error
	require.True(t, errors.As(err, &e), "not offered: %v", err)
	require.Equal(t, imap.BAD, e.Status)
}

func checkPart(t *testing.T, line string, _ bool, caps []imap.Cap) {
	input := "a APPEND x CATENATE (" + line
	if strings.HasSuffix(line, "}\r\n") {
		input += "abc"
	}
	if strings.Contains(line, "(") {
		input += ")"
	}
	for _, offered := range []bool{true, false} {
		p := newPeer(input+")\r\nz NOOP\r\n", wire.LimitsAfterLogin())
		p.SetOffered(func(c imap.Cap) bool { return c == imap.CapCatenate || offered })
		_, _, err := p.ReadCommand()
		require.NoError(t, err)
		part, err := p.NextPart()
		if !offered && !slices.Contains(caps, imap.CapCatenate) {
			require.ErrorIs(t, err, &imap.Error{Status: imap.BAD})
			inStep(t, p)
			continue
		}
		require.NoError(t, err)
		e := wire.Encoder{Mode: wire.LiteralPlus}
		WritePart(&e, part, true)
		require.NoError(t, e.Err)
		require.Equal(t, line, string(e.B))
		inStep(t, p)
	}
}

func checkResponse(t *testing.T, line string, written bool, _ []imap.Cap) {
	read := func(line string) (Response, []*Item, []string) {
		r := responsesOf(line + "\r\n")
		resp, err := r.Read()
		require.NoError(t, err, "%q", line)
		items, bodies := itemsOf(t, r)
		_, err = r.Read()
		require.ErrorIs(t, err, io.EOF)
		for _, it := range items {
			require.Nil(t, it.Raw, "an unknown item")
		}
		return resp, items, bodies
	}
	resp, items, bodies := read(line)
	if u, ok := resp.(*Unknown); ok {
		t.Fatalf("an unknown response: %v", u)
	}
	if s, ok := resp.(*StatusLine); ok {
		require.NotNil(t, s.Arg, "an argument that can't be read")
	}
	if !written {
		return
	}
	var e wire.Encoder
	if f, ok := resp.(*Fetch); ok {
		BeginFetch(&e, uint32(f.Seq))
		it := items[0]
		if it.Body != nil {
			it.Body = strings.NewReader(bodies[0])
		}
		WriteItemName(&e, it.Att, it.Section)
		all().fetchData.of(it).write(&e, it)
		EndFetch(&e)
	} else {
		WriteResponse(&e, resp)
	}
	require.NoError(t, e.Err)
	require.Equal(t, line+"\r\n", string(e.B))
	again, itemsAgain, bodiesAgain := read(strings.TrimSuffix(string(e.B), "\r\n"))
	require.Equal(t, resp, again)
	require.Equal(t, bodies, bodiesAgain)
	for _, list := range [][]*Item{items, itemsAgain} {
		for _, it := range list {
			it.Body = nil
		}
	}
	require.Equal(t, items, itemsAgain)
}

// Syntax of an extension that is not a name in a table.
func TestNotOffered(t *testing.T) {
	for line, c := range map[string]imap.Cap{
		`LIST () "" *`:                imap.CapListExtended,
		`LIST "" (a b)`:               imap.CapListExtended,
		`LIST "" * RETURN ()`:         imap.CapListExtended,
		"SEARCH RETURN () ALL":        imap.CapESearch,
		"SEARCH $":                    imap.CapSearchRes,
		"FETCH $ (FLAGS)":             imap.CapSearchRes,
		"AUTHENTICATE PLAIN AGEAYg==": imap.CapSASLIR,
		"THREAD REFS UTF-8 ALL":       "THREAD=REFS",
		"APPEND a ~{3+}\r\nabc":       imap.CapBinary,
		"URLFETCH (u BODY)":           imap.CapURLAuthBinary,
	} {
		for _, offered := range []bool{true, false} {
			p := newPeer("a "+line+"\r\nz NOOP\r\n", wire.LimitsAfterLogin())
			p.SetOffered(func(x imap.Cap) bool { return x == c && offered || x == imap.CapURLAuth })
			_, _, err := p.ReadCommand()
			if offered {
				require.NoError(t, err, line)
			} else {
				require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
			}
			inStep(t, p)
		}
	}
	p := newPeer("a APPEND a {3+}\r\nabc {2+}\r\nde\r\nz NOOP\r\n", wire.LimitsAfterLogin())
	p.SetOffered(func(imap.Cap) bool { return false })
	_, _, err := p.ReadCommand()
	require.NoError(t, err)
	_, err = p.OpenLiteral()
	require.NoError(t, err)
	_, err = p.NextMessage() // MULTIAPPEND
	require.ErrorIs(t, err, &imap.Error{Status: imap.BAD})
	inStep(t, p)
}
