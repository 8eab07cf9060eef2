package layering

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/posthorn-mail/posthorn/"

// floors are the floors of the packages. A package imports only from floors
// below its own. The packages in the internal folder of a package are half a
// floor above it.
var floors = map[string]float64{
	"textproto/internal/pool": -0.5, "textproto/internal/deflate": -0.5, // textproto builds on them
	"textproto": 0, "sasl": 0,
	"mailbox/message": 1,
	"mailbox":         2, "mailbox/search": 2.5,
	"smtp": 3, "imap": 3, "pop3": 3,
	"smtp/smtpclient": 4, "smtp/smtpserver": 4,
	"smtp/dsn":      3.5, // smtpserver reports with it
	"smtp/outbound": 4.5, // delivers with smtpclient
	"smtp/mtasts":   4, "smtp/tlsrpt": 5,
	"imap/imapclient": 4, "imap/imapserver": 4,
	"pop3/pop3client": 4, "pop3/pop3server": 4,
	"mailbox/memory": 4, "mailbox/sqlite": 4, "mailbox/maildir": 4,
	"mailbox/mailboxtest": 4,
	"mailbox/imapstore":   4.5, // uses imapclient
	"mailbox/mailtest":    5,
}

// floor returns where a package of the module stands.
func floor(path string) (float64, bool) {
	if f, ok := floors[path]; ok {
		return f, true
	}
	switch {
	case strings.HasPrefix(path, "internal/"):
		return -1, true
	case strings.HasPrefix(path, "examples/internal/"):
		return 4.75, true // what several examples use
	case strings.HasPrefix(path, "examples/"):
		return 5, true
	}
	if parent, _, found := strings.Cut(path, "/internal/"); found {
		f, ok := floors[parent]
		return f + 0.5, ok // above the vocabulary that it speaks, below client and server
	}
	return 0, false
}

type pkg struct {
	Dir        string
	GoFiles    []string
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

// list returns the packages of the whole workspace, keyed by their path within it.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,GoFiles,ImportPath,Imports,Deps,Module", "work")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("the go command is not there to list packages with")
	}
	require.NoError(t, err, stderr.String())
	pkgs := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else {
			require.NoError(t, err)
		}
		if path, ok := strings.CutPrefix(p.ImportPath, module); ok {
			pkgs[path] = p
			// So that the go command runs the test again when a file has changed.
			for _, file := range append(p.GoFiles, "") {
				os.Stat(filepath.Join(p.Dir, file))
			}
		}
	}
}

func TestFloors(t *testing.T) {
	for path, p := range list(t) {
		at, known := floor(path)
		if !known {
			t.Errorf("%s has no floor in this test", path)
			continue
		}
		for _, imp := range p.Imports {
			below, ok := strings.CutPrefix(imp, module)
			if !ok {
				continue
			}
			if f, _ := floor(below); f >= at {
				// Internal packages of one package may build on each other.
				parent, _, _ := strings.Cut(path, "/internal/")
				if strings.Contains(path, "internal/") && strings.HasPrefix(below, parent+"/internal/") {
					continue
				}
				if strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "examples/internal") {
					continue
				}
				t.Errorf("%s (floor %v) imports %s (floor %v)", path, at, below, f)
			}
		}
	}
}

// A client pulls in nothing of the other protocols, and no server; a server
// no client; a store no protocol.
func TestPackagesStayApart(t *testing.T) {
	protocols := []string{"smtp", "imap", "pop3"}
	for path, p := range list(t) {
		var forbidden []string
		for _, proto := range protocols {
			switch path {
			case proto + "/" + proto + "client":
				forbidden = append(forbidden, proto+"/"+proto+"server")
				for _, other := range protocols {
					if other != proto {
						forbidden = append(forbidden, other)
					}
				}
				if proto != "imap" {
					forbidden = append(forbidden, "mailbox")
				}
			case proto + "/" + proto + "server":
				forbidden = append(forbidden, proto+"/"+proto+"client")
			}
		}
		if strings.HasPrefix(path, "mailbox") && path != "mailbox/imapstore" && path != "mailbox/mailtest" {
			forbidden = append(forbidden, protocols...)
		}
		for _, dep := range p.Deps {
			dep, ok := strings.CutPrefix(dep, module)
			if !ok {
				continue
			}
			for _, f := range forbidden {
				if dep == f || strings.HasPrefix(dep, f+"/") && f != "mailbox" || f == "mailbox" && dep == "mailbox" {
					t.Errorf("%s pulls in %s", path, dep)
				}
			}
		}
	}
}

// Only those who fetch MTA-STS policies link an HTTP client, and only those who
// deliver to any domain link a DNS client.
func TestSMTPLinksLittle(t *testing.T) {
	pkgs := list(t)
	for path, forbidden := range map[string][]string{
		"smtp/smtpclient": {module + "smtp/outbound", "net/http", "golang.org/x/net/dns/dnsmessage"},
		"smtp/smtpserver": {module + "smtp/outbound", "net/http", "golang.org/x/net/dns/dnsmessage"},
		"smtp/outbound":   {"net/http"},
	} {
		require.Contains(t, pkgs, path)
		for _, dep := range forbidden {
			require.NotContains(t, pkgs[path].Deps, dep, path)
		}
	}
}

// The root module requires little, since every importer gets it too.
func TestRootRequiresLittle(t *testing.T) {
	allowed := []string{module[:len(module)-1], "golang.org/x/net", "golang.org/x/text"}
	for path, p := range list(t) {
		if p.Module == nil || p.Module.Path != allowed[0] {
			continue
		}
	deps:
		for _, dep := range p.Deps {
			if !strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") || strings.HasPrefix(dep, "vendor/") {
				continue // standard library
			}
			for _, a := range allowed {
				if dep == a || strings.HasPrefix(dep, a+"/") {
					continue deps
				}
			}
			if path == "mailbox/mailboxtest" || strings.HasPrefix(path, "internal/") || path == "mailbox/mailtest" {
				continue // packages that are imported by tests
			}
			t.Errorf("%s pulls in %s", path, dep)
		}
	}
}
