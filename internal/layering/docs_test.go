package layering

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// documents are the files that describe the project to people.
var documents = []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "LIMITS.md"}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(b)
}

// The Go code in README.md compiles and does what it says: it is part of an
// Example.
func TestReadmeCode(t *testing.T) {
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	var examples strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".git") {
			return fs.SkipDir
		}
		if ok, _ := filepath.Match("example*_test.go", filepath.Base(path)); err != nil || !ok {
			return err
		}
		b, err := os.ReadFile(path)
		examples.WriteString(words(string(b)) + "\n")
		return err
	})
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```").FindAllStringSubmatch(readDocument(t, "README.md"), -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		if !strings.Contains(examples.String(), words(b[1])) {
			t.Errorf("no example*_test.go has this code of README.md:\n%s", b[1])
		}
	}
}

// README.md lists each package that can be imported.
func TestReadmePackages(t *testing.T) {
	pkgs := list(t)
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`\| \[([a-z0-9/]+)\]\(https://pkg\.go\.dev/`+regexp.QuoteMeta(module)+`([a-z0-9/]+)\)`).
		FindAllStringSubmatch(readDocument(t, "README.md"), -1) {
		require.Equal(t, m[1], m[2])
		require.Contains(t, pkgs, m[1])
		listed[m[1]] = true
	}
	for path := range pkgs {
		if !strings.Contains("/"+path, "/internal/") && !strings.HasPrefix(path, "examples/") && !listed[path] {
			t.Errorf("README.md does not list %s", path)
		}
	}
}

var (
	// A path is what stands in backquotes and begins with a folder of the root.
	pathRE = regexp.MustCompile("`\\.?/?((?:smtp|imap|pop3|sasl|textproto|mailbox|examples|internal)/[^` ]*)`")

	// Names that a file declares follow it in brackets.
	namesRE = regexp.MustCompile("`([a-z0-9/_]+\\.go)`\\s+\\(((?:`[A-Za-z.]+`(?:,\\s+)?)+)\\)")
)

// Files and folders that the documents name exist, and so do the functions and
// types that follow a file: `smtp/smtpserver/data.go` (`cmdData`).
func TestDocumentsNameWhatExists(t *testing.T) {
	for _, doc := range documents {
		text := readDocument(t, doc)
		for _, m := range pathRE.FindAllStringSubmatch(text, -1) {
			pattern := strings.NewReplacer("NAME", "*", "NNNN", "*").Replace(m[1])
			matches, err := filepath.Glob(filepath.Join(root, pattern))
			require.NoError(t, err)
			if len(matches) == 0 {
				t.Errorf("%s names %s, which does not exist", doc, m[1])
			}
		}
		for _, m := range namesRE.FindAllStringSubmatch(text, -1) {
			source, err := os.ReadFile(filepath.Join(root, m[1]))
			require.NoError(t, err, doc)
			for name := range strings.FieldsFuncSeq(m[2], func(r rune) bool { return strings.ContainsRune("`,\n ", r) }) {
				_, method, found := strings.Cut(name, ".")
				if !found {
					method = name
				}
				declared := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|type |var |const |\t)` + method + `\b`)
				if !declared.Match(source) {
					t.Errorf("%s: %s does not declare %s", doc, m[1], name)
				}
			}
		}
	}
}
