package transcript

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// startEcho serves the little protocol of the test scripts.
func startEcho(t testing.TB, greeting string) Dial {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				fmt.Fprintf(c, "%s <%d@here>\r\n", greeting, n)
				for sc := bufio.NewScanner(c); sc.Scan(); {
					switch line := strings.TrimSuffix(sc.Text(), "\r"); line {
					case "list":
						fmt.Fprint(c, "line 1\r\nline 2\r\nline 3\r\ndone\r\n")
					case "quit":
						return
					case "lf":
						fmt.Fprint(c, "bare\n")
					default:
						fmt.Fprintf(c, "echo %s\r\n", line)
					}
				}
			})
		}
	})
	return DialTCP(l.Addr().String())
}

func TestRunDir(t *testing.T) {
	RunDir(t, "testdata/*.txt", func(t testing.TB, s *Script) Dial {
		require.True(t, s.HasOption("greeting"))
		return startEcho(t, s.Option("greeting"))
	})
}

func TestFailures(t *testing.T) {
	dial := startEcho(t, "hi")
	for _, tc := range []struct{ script, want string }{
		{"S: hello", "f:1: \nwant hello\ngot  hi <"},
		{"S: hi {{.*}}\nC: x\nS: echo y", "f:3:"},
		{"S: hi {{.*}}\nC: quit\nS: echo", "want \"echo\", got \"\" and EOF"},
		{"S: hi {{.*}}\nC: x\nCLOSE", "want the end, got \"echo x\""},
		{"S: hi {{.*}}\nC: lf\nS: bare", "bare LF"},
		{"S: hi {{.*}}\nC: list\nS& line 1\nS& line 4", "f:4: no line of the group matches line 2"},
		{"S: hi {{.*}}\nC: ${nobody}", "${nobody} is not set"},
		{"S: hi {{.*", "{{ without }}"},
		{"S: hi {{.*}}\nC* x", "f:2: lines to be sent are given by C: or C-"},
		{"S- \"hello\"", "want \"hello\"\ngot  \"hi <"},
	} {
		s, err := Parse("f", tc.script)
		require.NoError(t, err)
		err = s.play(func() net.Conn { return dial(t) })
		require.ErrorContains(t, err, tc.want, tc.script)
	}
	for _, script := range []string{"X: y", "C", "C- nothing", "STARTTL", "C! x", "X- \"y\"", "WAIT", "SILENT long", "CLOSE x", "@timeout soon"} {
		_, err := Parse("f", script)
		require.Error(t, err, script)
	}
}

// noting is a testing.TB that notes errors.
type noting struct {
	testing.TB
	errors []string
}

func (n *noting) Helper() {}
func (n *noting) Errorf(format string, args ...any) {
	n.errors = append(n.errors, fmt.Sprintf(format, args...))
}

func TestCheckCovers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "@covers ONE TWO\nS: hi\nC: THREE x\n", "b.txt": "C: FOUR\nS: FIVE\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	n := &noting{TB: t}
	CheckCovers(n, filepath.Join(dir, "*.txt"), []string{"ONE", "TWO", "THREE", "FOUR", "FIVE", "x"})
	require.Equal(t, []string{"no transcript covers FIVE", "no transcript covers x"}, n.errors)
}
