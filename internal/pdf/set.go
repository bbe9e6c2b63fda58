package pdf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Measures in points of 1/72 inch, on A4.
const (
	pageWidth, pageHeight = 595.28, 841.89

	marginX, marginTop, marginBottom = 56.0, 56.0, 64.0

	right = pageWidth - marginX

	bodySize, bodyLine   = 9.5, 14.0
	monoSize, monoLine   = 8.0, 11.5
	headSize, titleSize  = 12.5, 20.0
	quietSize, stopSize  = 8.5, 10.5
	indent, trailIndent  = 14.0, 22.0
	factColumn, fillEdge = 92.0, 6.0
)

type ink struct{ r, g, b int }

// The colours are those of the application in its light theme.
var (
	black    = ink{28, 31, 43}
	grey     = ink{98, 103, 117}
	blue     = ink{29, 79, 196}
	track    = ink{160, 166, 178}
	hairline = ink{220, 218, 212}
	well     = ink{241, 239, 235}
)

// line is a line of the page.
type line struct {
	height, base float64 // base is the letters' foot, from the line's top
	spans        []span
	fill         float64 // from here to the right margin the ground is tinted; 0 for not
	bar          float64 // where the bar of a quotation stands; 0 for none
	trail, stop  mark
	keep         bool   // it stands on the page of the line that follows
	rule         bool   // a hairline above
	outline      string // what the outline says of it; empty for nothing
	level        int    // in the outline
}

// mark says what the path's line shows beside a line of text.
type mark int

const (
	nothing mark = iota
	walked
	undone
	minor
)

// span is a piece of text that begins at x.
type span struct {
	x      float64
	text   string
	face   faceID
	size   float64
	ink    ink
	struck bool
}

// setter breaks blocks into lines.
type setter struct {
	faces []face
	lines []line
	left  float64
	trail mark
	level int

	gaps   []Block // what to say where letters are missing
	gapsAt int     // before this line
	gap    bool    // one is missing
}

// pages parts the lines. A heading is not left alone at a page's end.
func (s *setter) pages() [][]line {
	if s.gap && len(s.gaps) > 0 {
		rest := append([]line(nil), s.lines[s.gapsAt:]...)
		s.lines = s.lines[:s.gapsAt]
		for _, b := range s.gaps {
			b.set(s)
		}
		s.space(6)
		s.lines = append(s.lines, rest...)
	}
	const room = pageHeight - marginTop - marginBottom
	var pages [][]line
	start, used := 0, 0.0
	for i := 0; i < len(s.lines); {
		if i == start && i > 0 && len(s.lines[i].spans) == 0 && s.lines[i].fill == 0 {
			i++ // no empty line at the top of a page
			start = i
			continue
		}
		end, height := i, 0.0 // the lines that stay together
		for ; end < len(s.lines); end++ {
			height += s.lines[end].height
			if !s.lines[end].keep {
				end++
				break
			}
		}
		if used+height > room && i > start {
			pages = append(pages, s.lines[start:i])
			start, used = i, 0
		}
		for ; i < end; i++ { // more than a page's worth of headings is parted like text
			if used+s.lines[i].height > room && i > start {
				pages = append(pages, s.lines[start:i])
				start, used = i, 0
			}
			used += s.lines[i].height
		}
	}
	if start < len(s.lines) || len(pages) == 0 {
		pages = append(pages, s.lines[start:])
	}
	return pages
}

// space leaves room above what follows.
func (s *setter) space(height float64) {
	s.lines = append(s.lines, line{height: height, trail: s.trail, keep: true})
}

// clean returns the text with only what the fonts have letters for, line feeds
// and spaces. What is missing becomes U+FFFD.
func (s *setter) clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == ' ':
			return r
		case r == '\u2028', r == '\u2029':
			return '\n'
		case r == '\u00a0', r == '\u2007', r == '\u202f', r == '\t':
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
			return -1 // nothing to be seen
		}
		if _, ok := pick(s.faces, regular, r); !ok {
			s.gap = true
			return utf8.RuneError
		}
		return r
	}, text)
}

// cleanLine is clean for what stays on one line.
func (s *setter) cleanLine(text string) string {
	return strings.Join(strings.Fields(s.clean(text)), " ")
}

func (s *setter) width(id faceID, size float64, text string) float64 {
	var w float64
	for _, r := range text {
		w += width(s.faces, id, r)
	}
	return w * size
}

// wrap breaks a line of text between its words. A word that is wider than the
// line is broken between its letters.
func (s *setter) wrap(id faceID, size, room float64, text string) []string {
	var out []string
	current, used := "", 0.0
	gap := s.width(id, size, " ")
	for word := range strings.FieldsSeq(text) {
		w := s.width(id, size, word)
		if current != "" && used+gap+w <= room {
			current, used = current+" "+word, used+gap+w
			continue
		}
		if current != "" {
			out = append(out, current)
		}
		pieces := s.chop(id, size, room, word)
		out = append(out, pieces[:len(pieces)-1]...)
		current = pieces[len(pieces)-1]
		used = s.width(id, size, current)
	}
	return append(out, current)
}

// chop breaks a text wherever the room ends. There is always one piece.
func (s *setter) chop(id faceID, size, room float64, text string) []string {
	var out []string
	start, used := 0, 0.0
	for i, r := range text {
		w := width(s.faces, id, r) * size
		if used+w > room && i > start {
			out = append(out, text[start:i])
			start, used = i, 0
		}
		used += w
	}
	return append(out, text[start:])
}

func (t Title) set(s *setter) {
	for _, text := range s.wrap(bold, titleSize, right-s.left, s.cleanLine(t.Text)) {
		s.lines = append(s.lines, line{height: 26, base: 20, spans: []span{{s.left, text, bold, titleSize, black, false}}, keep: true})
	}
	s.space(8)
}

func (h Heading) set(s *setter) {
	s.space(16)
	text := s.cleanLine(h.Text)
	for i, part := range s.wrap(bold, headSize, right-s.left, text) {
		l := line{height: 20, base: 14, spans: []span{{s.left, part, bold, headSize, black, false}}, keep: true}
		if i == 0 {
			l.outline, l.rule = text, true
			l.height, l.base = 26, 20
		}
		s.lines = append(s.lines, l)
	}
	s.space(4)
	s.level = 1
}

func (f Facts) set(s *setter) {
	for _, fact := range f.Facts {
		id := regular
		if fact.Strong {
			id = bold
		}
		name := s.cleanLine(fact.Name)
		column := max(factColumn, s.width(regular, bodySize, name)+8)
		for i, part := range s.wrap(id, bodySize, right-s.left-column, s.cleanLine(fact.Value)) {
			l := s.line(bodyLine, span{s.left + column, part, id, bodySize, black, false})
			if i == 0 {
				l.spans = append([]span{{s.left, name, regular, bodySize, grey, false}}, l.spans...)
			}
			s.lines = append(s.lines, l)
		}
	}
}

func (p Paragraph) set(s *setter) {
	id, size, colour := regular, bodySize, black
	if p.Strong {
		id = bold
	}
	if p.Quiet {
		size, colour = quietSize, grey
	}
	marker := s.cleanLine(p.Marker)
	hang := 0.0
	if marker != "" {
		hang = max(indent, s.width(id, size, marker)+5)
	}
	left := s.left + indent*float64(min(p.Indent, 8))
	var bar float64
	if p.Quoted {
		bar, left = left+1, left+10
	}
	if p.Quiet || p.Apart {
		s.space(3)
	}
	first := true
	for row := range strings.SplitSeq(s.clean(p.Text), "\n") {
		for _, part := range s.wrap(id, size, right-left-hang, row) {
			l := s.line(bodyLine, span{left + hang, part, id, size, colour, false})
			if first && marker != "" {
				l.spans = append([]span{{left, marker, id, size, colour, false}}, l.spans...)
			}
			first = false
			l.keep, l.bar = p.Quiet, bar
			s.lines = append(s.lines, l)
		}
	}
}

func (v Verbatim) set(s *setter) {
	pad := func() {
		s.lines = append(s.lines, line{height: 4, trail: s.trail, fill: s.left})
	}
	pad()
	text := strings.ReplaceAll(strings.TrimRight(v.Text, " \n\t"), "\t", "    ")
	for row := range strings.SplitSeq(s.clean(text), "\n") {
		for _, part := range s.chop(mono, monoSize, right-s.left-2*fillEdge, strings.TrimRight(row, " ")) {
			l := s.line(monoLine, span{s.left + fillEdge, part, mono, monoSize, black, false})
			l.fill = s.left
			s.lines = append(s.lines, l)
		}
	}
	pad()
	s.lines = append(s.lines, line{height: 4, trail: s.trail})
}

func (p Stop) set(s *setter) {
	trail := walked
	if p.Undone {
		trail = undone
	}
	stop, id, size := trail, bold, stopSize
	if p.Minor {
		stop, id, size = minor, regular, bodySize
	}
	was := s.left
	s.left, s.trail = s.left+trailIndent, trail
	colour := black
	if p.Undone {
		colour = grey
	}
	title := s.cleanLine(p.Title)
	parts := s.wrap(id, size, right-s.left, title)
	for i, part := range parts {
		l := s.line(bodyLine+1, span{s.left, part, id, size, colour, p.Undone})
		l.keep = len(p.Blocks) > 0
		if i == 0 {
			l.stop = stop
			if !p.Minor {
				l.outline, l.level = title, min(s.level, 1)
			}
		}
		if mark := s.cleanLine(p.Mark); i == len(parts)-1 && mark != "" {
			end := s.left + s.width(id, size, part) + 6
			if end+s.width(regular, quietSize, mark) <= right {
				l.spans = append(l.spans, span{end, mark, regular, quietSize, grey, false})
			} else {
				s.lines = append(s.lines, l)
				l = s.line(bodyLine, span{s.left, mark, regular, quietSize, grey, false})
				l.keep = len(p.Blocks) > 0
			}
		}
		s.lines = append(s.lines, l)
	}
	for _, b := range p.Blocks {
		b.set(s)
	}
	s.lines = append(s.lines, line{height: 9, trail: s.trail})
	s.left, s.trail = was, nothing
}

func (g Gaps) set(s *setter) {
	s.gaps, s.gapsAt = []Block{Paragraph{Text: g.Text, Quiet: true}}, len(s.lines)
}

// line returns a line beside the path, if there is one.
func (s *setter) line(height float64, sp span) line {
	return line{height: height, base: height - 4, spans: []span{sp}, trail: s.trail}
}
