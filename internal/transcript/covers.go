package transcript

import (
	"path/filepath"
	"strings"
	"testing"
)

// CheckCovers fails the test for each name of a command, extension or capability
// that no script which matches the pattern tries: sends as the first word of a
// line, or has in a line "@covers NAME …".
func CheckCovers(t testing.TB, pattern string, names []string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts match %q (%v)", pattern, err)
	}
	covered := map[string]bool{}
	for _, path := range paths {
		s, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(s.Option("covers")) {
			covered[name] = true
		}
		for _, st := range s.steps {
			if name, _, _ := strings.Cut(st.text, " "); st.side == 'C' && st.kind == lines {
				covered[name] = true
			}
		}
	}
	if len(names) == 0 {
		t.Error("no names to look for in transcripts")
	}
	for _, name := range names {
		if !covered[name] {
			t.Errorf("no transcript covers %s", name)
		}
	}
}
