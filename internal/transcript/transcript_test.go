package transcript

import (
	"bufio"
	"fmt"
	"net"
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
		{"S- \"hello\"", "want \"hello\"\ngot  \"hi <"},
	} {
		s, err := Parse("f", tc.script)
		require.NoError(t, err)
		err = s.play(func() net.Conn { return dial(t) })
		require.ErrorContains(t, err, tc.want, tc.script)
	}
	for _, script := range []string{"X: y", "C", "C- nothing", "STARTTL"} {
		_, err := Parse("f", script)
		require.Error(t, err, script)
	}
}
