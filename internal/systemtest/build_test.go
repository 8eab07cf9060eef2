package systemtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The programs under test belong to another module. They are built in their
// folders, so that this works with and without the workspace.
const examples = "../../examples"

// buildDir is where the programs are built.
var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "mailserver-test"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(code)
}

// mailserver returns the path of the mailserver.
func mailserver(t testing.TB) string { return example(t, "mailserver") }

// example returns the path of a program, which it builds once for all tests.
func example(t testing.TB, name string) string {
	t.Helper()
	source := filepath.Join(examples, name)
	if _, err := os.Stat(source); os.IsNotExist(err) {
		t.Skip("examples/" + name + " is not here: it is not part of the root module")
	}
	build, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		if err := statSources(source); err != nil {
			return "", err
		}
		path := filepath.Join(buildDir, name)
		args := []string{"build", "-o", path}
		if os.Getenv("MAILSERVER_RACE") != "" {
			args = append(args, "-race")
		}
		_, err := goCommand(source, args...)
		return path, err
	}))
	path, err := build.(func() (string, error))()
	require.NoError(t, err)
	return path
}

// builds has a function for each program.
var builds sync.Map

// statSources stats everything in the repository that a program is built
// from. The go command does not know what a test builds, but it records which
// files below the module root it stats or opens through package os, and does
// not show a result as (cached) after one of them has changed. A file that is
// added changes its folder. The record begins with the first test: what
// TestMain does is not in it.
func statSources(source string) error {
	const sources = `{{if not .Standard}}{{.Dir}}
{{range .GoFiles}}{{$.Dir}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$.Dir}}/{{.}}
{{end}}{{.Module.GoMod}}
{{end}}`
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	list, err := goCommand(source, "list", "-deps", "-f", sources)
	if err != nil {
		return err
	}
	os.Stat(filepath.Join(root, "go.work"))
	for file := range strings.Lines(list) {
		if file = strings.TrimSpace(file); strings.HasPrefix(file, root+string(filepath.Separator)) {
			if _, err := os.Stat(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// goCommand runs the go command in the folder of a program and returns what it
// printed.
func goCommand(source string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = source
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.String())
	}
	return string(out), nil
}
