package pdf

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// The fonts are DejaVu 2.37, packed: 0.9 MB of the program.
//
//go:embed fonts/*.gz
var fontFiles embed.FS

// The faces, in the order of loadFaces.
type faceID int

const (
	regular faceID = iota
	bold
	mono
)

var fontNames = []string{"DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"}

// face is a font with the letters that it has.
type face struct {
	name string
	file []byte // TrueType
	// letters holds, for each rune below U+10000, one more than the letter's width
	// in thousandths of the type size; 0 where there is none. fpdf knows no others.
	letters []uint16
}

// loadFaces unpacks the fonts when the first document needs them. They take
// 2 MB from then on.
var loadFaces = sync.OnceValues(func() ([]face, error) {
	faces := make([]face, len(fontNames))
	for i, name := range fontNames {
		if err := faces[i].load(name); err != nil {
			return nil, fmt.Errorf("load the font %s: %w", name, err)
		}
	}
	return faces, nil
})

func (f *face) load(name string) error {
	packed, err := fontFiles.ReadFile("fonts/" + name + ".ttf.gz")
	if err != nil {
		return err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	if f.file, err = io.ReadAll(unpacked); err != nil {
		return err
	}
	parsed, err := sfnt.Parse(f.file)
	if err != nil {
		return err
	}
	f.name, f.letters = name, make([]uint16, 0x10000)
	var buf sfnt.Buffer
	for r := rune(' '); r < 0x10000; r++ {
		if r >= 0xd800 && r < 0xf900 { // surrogates, and what each font uses as it likes
			continue
		}
		index, err := parsed.GlyphIndex(&buf, r)
		if err != nil {
			return err
		}
		if index == 0 || !drawable(r) {
			continue
		}
		advance, err := parsed.GlyphAdvance(&buf, index, fixed.I(1000), font.HintingNone)
		if err != nil {
			return err
		}
		f.letters[r] = uint16(advance.Round()) + 1
	}
	return nil
}

// drawable says whether a letter can be set by itself, from left to right.
func drawable(r rune) bool {
	return !unicode.In(r, unicode.Cc, unicode.Cf) &&
		!unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Nko, unicode.Syriac, unicode.Thaana)
}

// pick returns the face that has the letter: the one wanted, or else the first.
func pick(faces []face, wanted faceID, r rune) (id faceID, ok bool) {
	if r >= 0x10000 {
		return wanted, false
	}
	if faces[wanted].letters[r] != 0 {
		return wanted, true
	}
	for i := range faces {
		if faces[i].letters[r] != 0 {
			return faceID(i), true
		}
	}
	return wanted, false
}

// width returns how wide a letter is at size 1.
func width(faces []face, wanted faceID, r rune) float64 {
	id, ok := pick(faces, wanted, r)
	if !ok {
		return 0
	}
	return float64(faces[id].letters[r]-1) / 1000
}

// runs cuts a text into pieces of one face each.
func runs(faces []face, wanted faceID, text string, yield func(id faceID, piece string)) {
	start, current := 0, wanted
	for i, r := range text {
		id, _ := pick(faces, wanted, r)
		if id != current && i > start {
			yield(current, text[start:i])
			start = i
		}
		current = id
	}
	if start < len(text) {
		yield(current, text[start:])
	}
}
