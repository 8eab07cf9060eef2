package growth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module  = "github.com/posthorn-mail/posthorn/"
	counter = module + "internal/testutil/growth/count"
)

// overlay writes instrumented copies of the module's packages that the package in
// the current folder is made of, and returns the file for "go test -overlay".
func overlay(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,GoFiles,ImportPath", ".")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("the go command is not there to build the instrumented package with")
	}
	if err != nil {
		t.Fatal(err, stderr.String())
	}
	counted := functions(t)
	dir := t.TempDir()
	replace := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, ImportPath string
			GoFiles         []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(p.ImportPath, module) || p.ImportPath == counter {
			continue
		}
		for _, name := range p.GoFiles {
			file := filepath.Join(p.Dir, name)
			src, err := os.ReadFile(file)
			if err == nil {
				src, err = instrument(file, src, counted)
			}
			to := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
			if err == nil {
				err = os.WriteFile(to, src, 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
			replace[file] = to
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	file := filepath.Join(dir, "overlay.json")
	if err == nil {
		err = os.WriteFile(file, list, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// functions returns the names of the functions of package count.
func functions(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", counter).Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(out)), "count.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			names[fn.Name.Name] = true
		}
	}
	return names
}

// shims are the packages that have functions in package count: how those are named,
// and what uses the import when nothing else does any more.
var shims = map[string]struct{ prefix, use string }{
	"strings":      {"Strings", "ToLower"},
	"bytes":        {"Bytes", "ToLower"},
	"unicode/utf8": {"Utf8", "Valid"},
	"slices":       {"Slices", "Max[[]int]"},
}

// instrument makes a source count its work. Lines stay where they are.
func instrument(name string, src []byte, counted map[string]bool) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		return nil, err
	}
	type edit struct {
		from, to int
		text     string
	}
	var edits []edit
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	insert := func(p token.Pos, text string) { edits = append(edits, edit{at(p), at(p), text}) }

	insert(f.Name.End(), `; import growthcount "`+counter+`"`)
	prefix, use := map[string]string{}, "var _ = growthcount.Copied"
	for _, imp := range f.Imports {
		path := strings.Trim(imp.Path.Value, `"`)
		if s, ok := shims[path]; ok && imp.Name == nil {
			local := path[strings.LastIndexByte(path, '/')+1:]
			prefix[local] = s.prefix
			use += ";var _ = " + local + "." + s.use
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		var body *ast.BlockStmt
		switch n := n.(type) {
		case *ast.FuncDecl:
			body = n.Body
		case *ast.FuncLit:
			body = n.Body
		case *ast.ForStmt:
			body = n.Body
		case *ast.RangeStmt:
			body = n.Body
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil && counted[prefix[x.Name]+n.Sel.Name] && prefix[x.Name] != "" {
				edits = append(edits, edit{at(n.Pos()), at(n.End()), "growthcount." + prefix[x.Name] + n.Sel.Name})
			}
		case *ast.CallExpr:
			switch fn, _ := n.Fun.(*ast.Ident); {
			case fn == nil || fn.Obj != nil:
			case fn.Name == "copy":
				insert(n.Pos(), "growthcount.Copied(")
				insert(n.End(), ")")
			case fn.Name == "append" && n.Ellipsis.IsValid():
				insert(n.Args[1].Pos(), "growthcount.Spread(")
				insert(n.Args[1].End(), ")")
			}
		}
		if body != nil {
			insert(body.Lbrace+1, "growthcount.Steps++;")
		}
		return true
	})
	// At one place, what belongs to the outer expression comes first.
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, src[done:e.from]...), e.text...)
		done = e.to
	}
	return append(append(out, src[done:]...), use+"\n"...), nil
}
