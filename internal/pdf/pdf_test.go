package pdf_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/pdf"
	"github.com/branchline/branchline/internal/pdf/pdftest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a document with each kind of block, on more than one page.
func sample() *pdf.Document {
	d := &pdf.Document{
		Title: "Record of a (small) fault \\ Ελλάς", Author: "Emil Engineer", Foot: "INC-42 " + strings.Repeat("long ", 60),
		ID: [16]byte{1, 2, 3}, Created: time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("CET", 3600)),
	}
	d.Blocks = []pdf.Block{
		pdf.Title{Text: "Record of a (small) fault"},
		pdf.Gaps{Text: "Some letters are missing."},
		pdf.Facts{Facts: []pdf.Fact{{Name: "Ticket", Value: "INC-42"}, {Name: "Outcome", Value: "Ресолвед → fine", Strong: true}}},
		pdf.Heading{Text: "Steps"},
		pdf.Stop{Title: "Is the lamp on?", Blocks: []pdf.Block{
			pdf.Paragraph{Text: "Note, 09:01:00", Quiet: true},
			pdf.Paragraph{Text: "First line.\nSecond " + strings.Repeat("word ", 40)},
			pdf.Verbatim{Text: "port  state\n\t1     up │ ✓\n" + strings.Repeat("x", 150)},
		}},
		pdf.Stop{Title: "Handed over", Mark: "09:05:00", Minor: true},
		pdf.Stop{Title: "Plug the cable in", Mark: "(undone)", Undone: true},
		pdf.Heading{Text: "Solution"},
		pdf.Paragraph{Text: "Only here.", Strong: true},
		pdf.Paragraph{Text: "An item that is " + strings.Repeat("long ", 40), Marker: "•", Indent: 1},
	}
	for i := range 40 {
		d.Blocks = append(d.Blocks, pdf.Paragraph{Text: fmt.Sprintf("Line %d.", i), Marker: fmt.Sprintf("%d.", i+1)})
	}
	return d
}

func mustRead(t interface{ Fatal(...any) }, d *pdf.Document) (*pdftest.File, []byte) {
	content, err := d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	file, err := pdftest.Read(content)
	if err != nil {
		t.Fatal(err)
	}
	return file, content
}

func TestDocument_Golden(t *testing.T) {
	t.Parallel()
	d := sample()
	file, content := mustRead(t, d)
	var got strings.Builder
	fmt.Fprintf(&got, "info: %v\nid: %s\nfonts: %v\noutline: %q\n", file.Info, strings.Fields(file.ID)[0], file.Fonts, file.Outline)
	for i, page := range file.Pages {
		fmt.Fprintf(&got, "--- %d\n%s", i+1, page)
	}
	golden := filepath.Join("testdata", "sample.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(content) > 120_000 {
		t.Errorf("it takes %d bytes: the fonts are not cut down", len(content))
	}
}

// Documents are made at the same time, and each is the same each time.
func TestDocument_SameBytes(t *testing.T) {
	t.Parallel()
	_, want := mustRead(t, sample())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := sample().Bytes()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("another %d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

// Whatever is written, there is a document, and what the fonts have stands in it.
func TestDocument_TakesAnyText(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a ()\\\r\n\t\x00\x1b\u202e\u200b\u00ad\uffff\ufeff😀日אع가é́{}<>ﬁ�\U0010ffff|"))))
	for seed := range 25 { // a document takes 15 ms, and ten times that with the race detector
		text := texts.Example(seed)
		d := &pdf.Document{Title: text, Author: text, Foot: text, Blocks: []pdf.Block{
			pdf.Gaps{Text: "GAPS"},
			pdf.Title{Text: text},
			pdf.Heading{Text: text},
			pdf.Facts{Facts: []pdf.Fact{{Name: text, Value: text}}},
			pdf.Stop{Title: text, Mark: text, Blocks: []pdf.Block{pdf.Verbatim{Text: text + "|end"}, pdf.Paragraph{Text: text, Marker: text, Indent: 30}}},
		}}
		file, _ := mustRead(t, d)
		all := strings.Join(file.Pages, "")
		if !utf8.ValidString(all) || !strings.Contains(strings.ReplaceAll(all, "\n", ""), "page 1 of 1") {
			t.Fatalf("its text is %q", all)
		}
		// U+FFFD in the text itself is a letter like others.
		if gaps := strings.Contains(all, "GAPS"); gaps != strings.ContainsRune(all, utf8.RuneError) && !strings.ContainsRune(text, utf8.RuneError) {
			t.Fatalf("it speaks of gaps: %v\n%q", gaps, all)
		}
		for _, r := range all {
			if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x10000 {
				t.Fatalf("it holds %U", r)
			}
		}
	}
}

// A heading is not the last line of a page, and no page but the last is short.
func TestDocument_KeepsHeadingsWithTheirText(t *testing.T) {
	t.Parallel()
	for lead := 40; lead < 52; lead++ { // the page ends behind the 51st line
		d := &pdf.Document{}
		for range lead {
			d.Blocks = append(d.Blocks, pdf.Paragraph{Text: "lead"})
		}
		d.Blocks = append(d.Blocks, pdf.Heading{Text: "HEADING"}, pdf.Stop{Title: "TITLE", Blocks: []pdf.Block{pdf.Facts{Facts: []pdf.Fact{{Name: "n", Value: "v"}}}}})
		file, _ := mustRead(t, d)
		for _, page := range file.Pages {
			if strings.Contains(page, "HEADING") != strings.Contains(page, "TITLE") {
				t.Errorf("after %d lines the heading and the title stand on different pages:\n%s", lead, page)
			}
			if strings.Contains(page, "TITLE") != strings.Contains(page, "n|v") {
				t.Errorf("after %d lines the title stands alone:\n%s", lead, page)
			}
		}
	}
}

func BenchmarkDocument(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sample().Bytes(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDocument_Longest(b *testing.B) {
	d := &pdf.Document{}
	for range pdf.MaxLetters / 1000 {
		d.Blocks = append(d.Blocks, pdf.Verbatim{Text: strings.Repeat("eth0  up  1500\n", 1000/15)})
	}
	b.ReportAllocs()
	for b.Loop() {
		content, err := d.Bytes()
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(content)))
	}
}
