package tree

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/pdf"
)

// pdfGaps stands in a PDF whose fonts lack letters that were written.
const pdfGaps = "Where � stands, this document's fonts have no letter for what was written. The other formats of this record show it."

// pdf writes the record on pages of A4. One of more than pdf.MaxLetters
// characters is BadUserInput.
func (r *record) pdf(s *Session) ([]byte, error) {
	d := &pdf.Document{Title: recordTitle, Author: s.Starter.Name, ID: s.ID.UUID(), Created: s.UpdatedAt}
	d.Foot = recordTitle
	if len(r.facts) > 0 && r.facts[0].Name == "Ticket" {
		d.Foot = visibleLine(r.facts[0].Value) + " · " + recordTitle
		d.Title = d.Foot
	}
	w := &pages{}
	w.add(pdf.Title{Text: recordTitle}, pdf.Gaps{Text: pdfGaps}, w.facts(r.facts))
	if r.reason != "" {
		w.add(pdf.Heading{Text: "Ended because"}, w.words(r.reason))
	}
	if len(r.steps) > 0 {
		w.add(pdf.Heading{Text: "Steps"})
	}
	for i := range r.steps {
		it := &r.steps[i]
		if it.At != "" {
			w.add(pdf.Stop{Title: visibleLine(it.Title), Mark: it.At, Minor: true, Blocks: w.item(it)})
			continue
		}
		w.add(pdf.Stop{Title: numbered(it), Mark: it.Mark(), Undone: it.Undone, Blocks: w.item(it)})
	}
	if r.now != nil {
		w.add(pdf.Heading{Text: "Stands at"}, pdf.Paragraph{Text: visibleLine(r.now.Title), Strong: true})
		w.add(w.item(r.now)...)
	}
	if r.solution != nil {
		w.add(pdf.Heading{Text: "Solution"}, pdf.Paragraph{Text: visibleLine(r.solution.Title), Strong: true})
		for _, p := range authoredPassages(r.solution.Text) {
			if p.code {
				w.add(pdf.Verbatim{Text: w.count(p.text)})
				continue
			}
			w.add(pdf.Paragraph{Text: w.count(p.text), Indent: p.indent, Marker: p.marker, Strong: p.strong, Apart: p.apart})
		}
		w.add(w.item(r.solution)...)
	}
	if len(r.followUp) > 0 {
		w.add(pdf.Heading{Text: "Follow-up"})
		for _, f := range r.followUp {
			w.add(pdf.Paragraph{Text: visibleLine(f), Marker: "•"})
		}
	}
	if r.scratchpad != "" {
		w.add(pdf.Heading{Text: "Scratchpad"}, w.words(r.scratchpad))
	}
	if w.letters > pdf.MaxLetters {
		return nil, fault.Input("input.format", "This session is too long for a PDF, which takes %d characters. Choose another format, or leave out notes.", pdf.MaxLetters)
	}
	d.Blocks = w.blocks
	return d.Bytes()
}

// pages collects what a PDF shows.
type pages struct {
	blocks  []pdf.Block
	letters int // of the parts that people may write much into
}

func (w *pages) add(blocks ...pdf.Block) { w.blocks = append(w.blocks, blocks...) }

func (w *pages) count(text string) string {
	w.letters += utf8.RuneCountInString(text)
	return text
}

func (w *pages) words(text string) pdf.Block {
	return pdf.Paragraph{Text: w.count(visible(text)), Quoted: true}
}

func (w *pages) facts(facts []fact) pdf.Block {
	var out pdf.Facts
	for _, f := range facts {
		out.Facts = append(out.Facts, pdf.Fact{Name: w.count(visibleLine(f.Name)), Value: w.count(visibleLine(f.Value)), Strong: f.Name == "Outcome"})
	}
	return out
}

// item returns what is said under a title.
func (w *pages) item(it *item) []pdf.Block {
	var out []pdf.Block
	if len(it.Facts) > 0 {
		out = append(out, w.facts(it.Facts))
	}
	for _, l := range it.Links {
		out = append(out, pdf.Paragraph{Text: w.count(see + " " + strings.TrimLeft(linkWords(l)+" "+visibleLine(l.URL), " "))})
	}
	for _, b := range it.Blocks {
		if b.Caption != "" {
			out = append(out, pdf.Paragraph{Text: w.count(b.Caption), Quiet: true})
		}
		if b.Output {
			out = append(out, pdf.Verbatim{Text: w.count(visible(b.Text))})
		} else {
			out = append(out, w.words(b.Text))
		}
	}
	return out
}

func numbered(it *item) string { return fmt.Sprintf("%d. %s", it.Number, visibleLine(it.Title)) }
