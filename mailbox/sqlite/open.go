package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// Options configure Open. The zero value means the defaults.
type Options struct {
	// Exclusive makes Open fail with ErrLocked while another process has the
	// database open, and keeps others from opening it as long as the Store
	// is open. Without it, any number of processes share the database.
	Exclusive bool

	// Limits are the limits of every account. Zero fields are their defaults.
	Limits mailbox.Limits

	// Quota limits the accounts that CreateAccount creates; see
	// mailbox.QuotaKeeper. Resources not named are unlimited.
	Quota map[mailbox.QuotaName]int64

	// MaxAppend is how many messages one Append may add, which is one step;
	// beyond it the error is mailbox.ErrLimit. Zero: 1,000. Negative: no limit.
	MaxAppend int

	// MaxWaiting is how many octets an account with a storage quota may hold in
	// the database beyond that quota: those of expunged messages until their
	// space is free, which is within seconds or, for a message above 64 KB that
	// another process may be reading, minutes, and of messages that arrive. An
	// Append for which there is no space frees what it can, waits up to 15 s
	// for more, and then fails with mailbox.ErrOverQuota. Zero: 64 MB, or a
	// quarter of the quota if that is more. Negative: none.
	MaxWaiting int64

	// MaxVanished is how many ranges of expunged UIDs a mailbox remembers,
	// besides one for each of its messages. If there are more, it forgets the
	// ModSeqs of the oldest: Changes since an earlier ModSeq then returns all
	// of these in Vanished. Zero: 65,536.
	MaxVanished int

	// Parser bounds the parsing of messages that arrive. Nil: its defaults.
	Parser *message.Options

	// BusyTimeout is how long a change waits for other processes that change
	// the database, before it fails with mailbox.ErrUnavailable. Zero: 10 s.
	BusyTimeout time.Duration

	// MaxLog bounds the write-ahead log, in octets. It grows as long as a reader
	// in another process (a backup, a shell) holds an old state of the database:
	// beyond this size, calls that add messages or mailboxes fail with
	// mailbox.ErrUnavailable, and beyond twice the size all that change
	// something. Zero: 1 GiB. Negative: no bound.
	MaxLog int64

	// Reserve is how many octets of the disk the store takes for a file beside the
	// database, path-reserve. On a full disk it is removed, so that messages can be
	// flagged, moved and expunged: calls that add something fail with
	// mailbox.ErrUnavailable until the file can be written again. Zero: as many as
	// the database has, from 1 MB to 16 MB. Negative: none.
	Reserve int64

	// PollInterval is how often the store looks for changes by other
	// processes while there are watchers. Zero: 100 ms.
	PollInterval time.Duration

	// Logger logs errors of background work, such as freeing the space of
	// deleted mail. Nil: slog.Default().
	Logger *slog.Logger
}

// A Store keeps the mail of many accounts in one SQLite database. It is a
// [mailbox.Store] and a [mailbox.Admin]. All methods are safe for concurrent
// use.
type Store struct {
	opts    Options
	dsn     string
	path    string
	writer  writer
	pool    pool
	hub     hub
	pins    pins
	budget  budget
	sweeper sweeper
	reserve reserve
	lock    *conn // holds the lock of the whole database, see takeLock
	tune    tuning

	logSize atomic.Int64 // octets, when the writer last looked

	closing chan struct{} // closed by Close
	close   sync.Once
	err     error // of Close
}

// tuning holds sizes and times that tests reduce.
type tuning struct {
	grace    time.Duration // how long a content in chunks stays readable for other processes after its last reference is removed
	hurry    time.Duration // the same if no other process can read it, or its space is needed
	patience time.Duration // how long a call waits for space to be freed
	lease    time.Duration // how long a body may take between two chunks
	sweep    time.Duration // how often unreferenced contents are looked for

	copyLog int   // pages of the log from which on SQLite copies it into the database
	maxLog  int64 // size from which on it is tried to truncate the log
	warnLog int64 // size from which on that is logged

	locked func() // called when the writer waits for the lock of another process
}

// The sizes by which messages are stored and memory is bounded. Databases
// written with other sizes can be read too.
const (
	maxBody  = 64 << 10  // a content up to this size is one row, read along with its message
	maxChunk = 256 << 10 // a larger one is rows of up to this size
	minChunk = 16 << 10  // and of at least this size, except for the last
	maxHeld  = 1 << 20   // of memory that an Append uses for bodies already read
)

// Open opens the database in the file at path, which it creates if necessary; the
// directory must exist. Beside it SQLite keeps path-wal and path-shm, which belong
// to it, and Open path-lock and path-reserve. opts may be nil. It returns ErrLocked when
// another process has exclusive use of the database, ErrDamaged if the file is
// not a database.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	s := &Store{
		path:    path,
		closing: make(chan struct{}),
		tune: tuning{grace: 5 * time.Minute, hurry: 10 * time.Second, patience: 15 * time.Second, lease: 4 * time.Hour, sweep: 5 * time.Second,
			copyLog: 2000, maxLog: 64 << 20, warnLog: 256 << 20},
	}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.Limits = s.opts.Limits.WithDefaults()
	if s.opts.BusyTimeout <= 0 {
		s.opts.BusyTimeout = 10 * time.Second
	}
	if s.opts.MaxAppend == 0 {
		s.opts.MaxAppend = 1000
	}
	if s.opts.MaxVanished <= 0 {
		s.opts.MaxVanished = 1 << 16
	}
	if s.opts.PollInterval <= 0 {
		s.opts.PollInterval = 100 * time.Millisecond
	}
	if s.opts.MaxLog == 0 {
		s.opts.MaxLog = 1 << 30
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.Default()
	}
	s.budget.free.Store(16 << 20)
	s.hub.init()
	if err := s.open(ctx); err != nil {
		if s.lock != nil {
			s.lock.close()
		}
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	go s.writer.run()
	s.hub.wg.Add(1)
	go s.hub.run(s)
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	err := makeFile(s.path)
	if err != nil {
		return err
	}
	if s.lock, err = takeLock(s.path+"-lock", s.opts.Exclusive); err != nil {
		return err
	}
	s.dsn = fileURL(s.path)
	c, err := s.openWriter(ctx)
	if err != nil {
		return err
	}
	s.writer.init(s, c)
	if err := s.pool.open(s); err != nil {
		c.close()
		return err
	}
	return nil
}

// openWriter opens the one connection that writes.
func (s *Store) openWriter(ctx context.Context) (*conn, error) {
	c, err := openConn(s.dsn)
	if err != nil {
		return nil, err
	}
	// An acknowledged change survives power loss: WAL with a sync on each
	// commit. Checkpoints are rare enough to write a page once that changed
	// many times, and the log is truncated to a size that is soon reused.
	err = c.script(fmt.Sprintf("PRAGMA busy_timeout=%d", s.opts.BusyTimeout.Milliseconds()))
	for deadline := time.Now().Add(s.opts.BusyTimeout); err == nil; {
		// Two processes that turn WAL on at once get SQLITE_BUSY without a wait.
		if err = c.incremental(); err == nil {
			err = c.script("PRAGMA journal_mode=WAL")
		}
		if !isBusy(err) || time.Now().After(deadline) {
			break
		}
		if err = sleep(ctx, 10*time.Millisecond); err != nil {
			break
		}
	}
	if err == nil {
		err = c.script(fmt.Sprintf(`
			PRAGMA synchronous=FULL;
			PRAGMA fullfsync=ON;
			PRAGMA temp_store=MEMORY;
			PRAGMA cache_size=-6000;
			PRAGMA wal_autocheckpoint=%d;
			PRAGMA journal_size_limit=16777216`, s.tune.copyLog))
	}
	if err == nil {
		err = s.adoptLog(ctx, c)
	}
	if err == nil {
		err = c.migrate(ctx, migrations)
	}
	if err == nil {
		err = c.script("PRAGMA busy_timeout=0") // see busyPause
	}
	if err == nil && s.opts.Exclusive {
		// No other process can be in the middle of an Append.
		err = c.script("UPDATE content SET free_at = 0 WHERE refs = 0")
	}
	if err == nil {
		err = s.syncNames()
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// openReader opens a connection for the pool of readers.
func (s *Store) openReader() (*conn, error) {
	c, err := openConn(s.dsn)
	if err != nil {
		return nil, err
	}
	err = c.script(fmt.Sprintf(`
		PRAGMA busy_timeout=%d;
		PRAGMA query_only=ON;
		PRAGMA temp_store=MEMORY;
		PRAGMA cache_size=-1500`, s.opts.BusyTimeout.Milliseconds()))
	if err == nil {
		_, err = c.queryInt("SELECT count(*) FROM past") // opens the log, and its index
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// Close waits for the calls in progress, refuses all others with
// mailbox.ErrClosed, and closes the database. Channels of Watch are closed.
func (s *Store) Close() error {
	s.close.Do(func() {
		close(s.closing)
		<-s.writer.done
		s.hub.close()
		s.pool.close()
		s.err = errors.Join(s.writer.c.close(), s.lock.close())
	})
	return s.err
}

// closed returns mailbox.ErrClosed after Close.
func (s *Store) closed() error {
	select {
	case <-s.closing:
		return mailbox.ErrClosed
	default:
		return nil
	}
}

// makeFile creates an empty file unless it exists. SQLite would create it with the
// permissions of the umask; mail is for its owner only. A file that exists is not
// touched: under POSIX, closing any descriptor of a file releases the locks that
// SQLite may have on it elsewhere in this process.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return f.Close()
}

// takeLock locks the file at path, shared or exclusively, until the connection
// it returns is closed or the process ends. The file is an empty SQLite
// database and the lock a transaction on it, so it works wherever SQLite does.
func takeLock(path string, exclusive bool) (*conn, error) {
	if err := makeFile(path); err != nil {
		return nil, err
	}
	c, err := openConn(fileURL(path))
	if err != nil {
		return nil, err
	}
	if exclusive {
		err = c.script("BEGIN EXCLUSIVE")
	} else if err = c.script("PRAGMA busy_timeout=200; BEGIN"); err == nil {
		_, err = c.queryInt("SELECT count(*) FROM sqlite_schema") // takes a shared lock
	}
	if err != nil {
		c.close()
		if isBusy(err) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return c, nil
}

// fileURL returns the path of a file as a URL for SQLite, which may contain any
// characters.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		path = "/" + path
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
