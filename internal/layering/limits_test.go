package layering

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// declarations are what the packages declare, by names such as textproto.Server.MaxConns.
type declarations struct {
	names  map[string]bool
	fields []string            // exported, of exported structs of packages that can be imported
	consts map[string]ast.Expr // their values
}

// declared reads all packages but the examples. A package goes by the last element of
// its path.
func declared(t *testing.T) declarations {
	d := declarations{names: map[string]bool{}, consts: map[string]ast.Expr{}}
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".git") || e.Name() == "testdata" || e.Name() == "examples") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		d.add(path.Base(dir), !strings.Contains(dir, "internal"), f)
		return nil
	})
	require.NoError(t, err)
	return d
}

func (d *declarations) add(pkg string, public bool, f *ast.File) {
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
			d.names[pkg+"."+fn.Name.Name] = true
		}
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for i, id := range s.Names {
					name := pkg + "." + id.Name
					d.names[name] = true
					if i < len(s.Values) {
						d.consts[name] = s.Values[i]
					}
				}
			case *ast.TypeSpec:
				name := pkg + "." + s.Name.Name
				d.names[name] = true
				st, ok := s.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, field := range st.Fields.List {
					for _, id := range field.Names {
						d.names[name+"."+id.Name] = true
						if public && s.Name.IsExported() && id.IsExported() {
							d.fields = append(d.fields, name+"."+id.Name)
						}
					}
				}
			}
		}
	}
}

// value returns a constant as LIMITS.md writes it: 10,000, 64 KiB, 5 min; empty if it
// is not a number that this function understands.
func (d *declarations) value(name string) string {
	expr, ok := d.consts[name]
	if !ok {
		return ""
	}
	text := types.ExprString(expr)
	isTime := strings.Contains(text, "time.")
	for unit, ns := range map[string]string{"Hour": "3600000", "Minute": "60000", "Second": "1000", "Millisecond": "1"} {
		text = strings.ReplaceAll(text, "time."+unit, ns)
	}
	tv, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text)
	if err != nil || tv.Value == nil {
		return ""
	}
	n, ok := constant.Int64Val(constant.ToInt(tv.Value))
	if !ok {
		return ""
	}
	units := []struct {
		n    int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}}
	if isTime {
		units[0].n, units[0].name = 3600_000, "h"
		units[1].n, units[1].name = 60_000, "min"
		units[2].n, units[2].name = 1000, "s"
	}
	for _, u := range units {
		if (isTime || strings.Contains(text, "<<")) && n%u.n == 0 {
			return fmt.Sprint(n/u.n, " ", u.name)
		}
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A field is a bound by its name, or because all fields of its type are.
var (
	boundRE    = regexp.MustCompile(`\.(Server|Options|Delivery|Deliverer|Pool|Store|Collector|DNS|Attempts)\.(Max[A-Z]\w*|\w*Timeout)$`)
	boundsOnly = regexp.MustCompile(`^\w+\.(Bounds|Checks|Rates|Limits|Timeouts)\.\w+$`)

	// Values of the protocol, and what is no number.
	noBounds = map[string]bool{
		"smtp.Limits.MailMax": true, "smtp.Limits.RcptMax": true, "smtp.Limits.RcptDomainMax": true,
		"textproto.Rates.Exempt": true,
	}
)

// LIMITS.md has each bound of the code, with its default, and names only what exists.
func TestLimits(t *testing.T) {
	d := declared(t)
	text := readDocument(t, "LIMITS.md")
	nameRE := regexp.MustCompile("`([a-z0-9]+(?:\\.[A-Za-z]\\w*){1,2})`")
	listed := map[string]bool{}
	for line := range strings.Lines(text) {
		for _, m := range nameRE.FindAllStringSubmatch(line, -1) {
			if !d.names[m[1]] {
				t.Errorf("LIMITS.md names %s, which does not exist", m[1])
			}
			listed[m[1]] = true
		}
		for _, m := range regexp.MustCompile("`((?:Bounds|Checks)?Stats\\.\\w+)`").FindAllStringSubmatch(line, -1) {
			if !d.names["textproto."+m[1]] && !d.names["sasl."+m[1]] {
				t.Errorf("LIMITS.md names %s, which does not exist", m[1])
			}
		}
		cells := strings.Split(line, "|")
		if len(cells) != 7 {
			if strings.HasPrefix(line, "|") {
				t.Errorf("a row does not have five cells: %s", line)
			}
			continue
		}
		for _, m := range nameRE.FindAllStringSubmatch(cells[2]+cells[3], -1) {
			for _, value := range d.defaults(m[1]) {
				if !regexp.MustCompile(`(^|[^\d,])` + value + `\b`).MatchString(cells[3]) {
					t.Errorf("LIMITS.md does not say that the default of %s is %s: %s", m[1], value, cells[3])
				}
			}
		}
	}
	for _, name := range d.fields {
		if (boundRE.MatchString(name) || boundsOnly.MatchString(name)) && !noBounds[name] && !listed[name] {
			t.Errorf("LIMITS.md does not list %s", name)
		}
	}
}

// defaults returns what a constant is, or a field by its default: textproto.DefaultMaxConns
// for textproto.Server.MaxConns. The default of a timeout may be different in each
// server.
func (d *declarations) defaults(name string) (values []string) {
	parts := strings.Split(name, ".")
	candidates := []string{name}
	if len(parts) == 3 {
		field := "Default" + parts[2]
		candidates = []string{parts[0] + "." + field}
		if parts[0] == "textproto" && parts[1] == "Server" {
			candidates = append(candidates, "imapserver."+field, "pop3server."+field, "smtpserver."+field)
		}
	}
	for _, c := range candidates {
		if v := d.value(c); v != "" {
			values = append(values, v)
		}
	}
	return values
}
