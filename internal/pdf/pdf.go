// Package pdf sets a record on pages: headings, facts, paragraphs, verbatim
// output, and the stops of a path that was walked. It knows nothing of what the
// record is about.
//
// The text of the pages can be selected and searched. The fonts are embedded, cut
// down to the letters that are used. What no font has a letter for becomes
// U+FFFD: East Asian scripts and emoji, whose fonts would double the program's
// size, and scripts that are written from right to left, whose letters would
// stand unjoined and in the wrong order.
package pdf

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// MaxLetters bounds the characters of one document. So many take about 600
// pages and a second (measured).
const MaxLetters = 2_000_000

// Document is what is set on pages. The same document gives the same bytes.
type Document struct {
	Title   string
	Author  string
	Foot    string   // at the foot of each page, cut off where the line ends
	ID      [16]byte // what the document is about: the same in each version of it
	Created time.Time
	Blocks  []Block
}

// Block is a part of a document, from one side of the page to the other.
type Block interface{ set(*setter) }

// Title is the heading of the whole document.
type Title struct{ Text string }

// Heading begins a section. It stands in the outline.
type Heading struct{ Text string }

// Facts is a list of names and what they stand for.
type Facts struct{ Facts []Fact }

// Fact is one line of Facts.
type Fact struct {
	Name, Value string
	Strong      bool // the value is in bold type
}

// Paragraph is running text. Line feeds break its lines.
type Paragraph struct {
	Text   string
	Indent int    // steps to the right
	Marker string // stands before the first line, such as a list's bullet; may be empty
	Strong bool   // in bold type
	Quiet  bool   // in grey, such as a caption; it stays with what follows
	Apart  bool   // with a little room above
	Quoted bool   // behind a bar: somebody's words, which are not the record's
}

// Verbatim is text in a type of one width, whose lines stay as they are.
type Verbatim struct{ Text string }

// Stop is a place on the path that was walked. It stands in the outline.
type Stop struct {
	Title  string
	Mark   string // behind the title, in grey, such as "(undone)"; may be empty
	Undone bool   // struck through, and off the path
	Minor  bool   // an event on the way: a smaller point, a title in ordinary type, not in the outline
	Blocks []Block
}

// Gaps is a line that stands there only where some letter of the document is
// missing from the fonts.
type Gaps struct{ Text string }

// Bytes returns the document as a file. It is safe for concurrent use.
func (d *Document) Bytes() ([]byte, error) {
	faces, err := loadFaces()
	if err != nil {
		return nil, err
	}
	s := &setter{faces: faces, left: marginX}
	for _, b := range d.Blocks {
		b.set(s)
	}
	pages := s.pages()

	f := fpdf.New("P", "pt", "A4", "")
	f.SetCatalogSort(true)
	f.SetCreationDate(d.Created.UTC())
	f.SetModificationDate(d.Created.UTC())
	f.SetTitle(s.clean(d.Title), true)
	f.SetAuthor(s.clean(d.Author), true)
	f.SetCreator("Branchline", false)
	f.SetProducer("Branchline", false)
	f.SetLang("en")
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(0, 0, 0)
	w := &writer{Fpdf: f, faces: faces, added: make([]bool, len(faces))}
	for i, lines := range pages {
		f.AddPage()
		w.page(lines)
		w.foot(s.clean(d.Foot), fmt.Sprintf("page %d of %d", i+1, len(pages)))
	}
	var out bytes.Buffer
	if err := f.Output(&out); err != nil {
		return nil, fmt.Errorf("write a PDF: %w", err)
	}
	return withID(out.Bytes(), d.ID), nil
}

// withID puts the file's identifier (ISO 32000-1, 14.4) into its trailer: what it
// is about, and which version of that it is. The trailer stands behind all that
// the file's table of places points to, so that nothing else moves.
func withID(file []byte, id [16]byte) []byte {
	const trailer = "\ntrailer\n<<\n"
	at := bytes.LastIndex(file, []byte(trailer))
	if at < 0 {
		return file
	}
	at += len(trailer)
	sum := sha256.Sum256(file)
	entry := fmt.Sprintf("/ID [<%x> <%x>]\n", id, sum[:16])
	return append(append(bytes.Clone(file[:at]), entry...), file[at:]...)
}
