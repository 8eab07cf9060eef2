package main

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path"
	"strings"
	"unicode"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// maxName is how many octets a name may have: most file systems take 255.
const maxName = 200

// fileName returns the name under which a part is saved. The sender has chosen it,
// so it may be anything.
func fileName(part *message.Part, uid mailbox.UID, number []int) string {
	if name := safe(part.Filename()); name != "" {
		return name
	}
	name := fmt.Sprintf("message-%d", uid)
	for _, n := range number {
		name += fmt.Sprintf("-%d", n)
	}
	if part.Type == "message" {
		return name + ".eml"
	}
	if ext, _ := mime.ExtensionsByType(part.Type + "/" + part.Subtype); len(ext) > 0 {
		return name + ext[0]
	}
	return name + ".bin"
}

// safe makes a file name of any text, the empty one if nothing is left: only the
// last element of a path, without control characters and those that change the
// direction of writing or that some file systems refuse, neither hidden nor one of
// the names that mean a device.
func safe(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == unicode.ReplacementChar:
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.Trim(name, ". ")
	base, ext := name, path.Ext(name)
	if len(ext) > 20 {
		ext = ""
	}
	base = strings.TrimSuffix(name, ext)
	if cut := maxName - len(ext); len(base) > cut {
		base = strings.ToValidUTF8(base[:cut], "")
	}
	stem, _, _ := strings.Cut(strings.ToUpper(base), ".")
	switch stem = strings.TrimRight(stem, " "); {
	case stem == "CON", stem == "PRN", stem == "AUX", stem == "NUL",
		len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")):
		base = "_" + base
	}
	return base + ext
}

// create creates a file that does not exist: if the name is taken, "report.pdf"
// becomes "report (2).pdf".
func create(folder *os.Root, name string) (*os.File, string, error) {
	ext := path.Ext(name)
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
		}
		f, err := folder.OpenFile(try, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) || n == 10000 {
			return f, try, err
		}
	}
}
