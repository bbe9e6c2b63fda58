package pdf

import (
	"bytes"

	"codeberg.org/go-pdf/fpdf"
)

// writer draws lines on pages.
type writer struct {
	*fpdf.Fpdf
	faces []face
	added []bool // by face: the document has it
}

// use sets the face, and adds it to the document when it is used first.
func (w *writer) use(id faceID, size float64) {
	f := &w.faces[id]
	if !w.added[id] {
		// fpdf writes behind the ends of the font's tables, so each document has its own copy.
		w.AddUTF8FontFromBytes(f.name, "", bytes.Clone(f.file))
		w.added[id] = true
	}
	w.SetFont(f.name, "", size)
}

func (w *writer) page(lines []line) {
	y := marginTop
	for i := range lines {
		// The path comes to a stop from the line above, or begins there.
		w.line(&lines[i], y, i == 0, i > 0 && lines[i-1].trail != nothing)
		y += lines[i].height
	}
	// The stops lie on the path, so they are drawn over all of it.
	y = marginTop
	for i := range lines {
		w.stop(&lines[i], y)
		y += lines[i].height
	}
}

func (w *writer) line(l *line, y float64, top, goesOn bool) {
	if l.fill > 0 {
		w.SetFillColor(well.r, well.g, well.b)
		w.Rect(l.fill, y, right-l.fill, l.height+0.2, "F")
	}
	if l.rule && !top {
		w.draw(hairline, 0.6)
		w.Line(marginX, y, right, y)
	}
	if l.bar > 0 {
		w.SetFillColor(hairline.r, hairline.g, hairline.b)
		w.Rect(l.bar, y, 1.6, l.height+0.2, "F")
	}
	if l.trail != nothing {
		from, x := y, marginX+5.0
		if l.stop != nothing && !goesOn {
			from = y + l.base - 3.5
		}
		w.draw(blue, 1.5)
		if l.trail == undone {
			w.draw(track, 1.5)
			w.SetDashPattern([]float64{2, 2}, 0)
		}
		w.Line(x, from, x, y+l.height)
		w.SetDashPattern(nil, 0)
	}
	for _, s := range l.spans {
		w.text(s, y+l.base)
	}
	if l.outline != "" {
		w.SetXY(marginX, y)
		w.Bookmark(l.outline, l.level, y)
	}
}

func (w *writer) stop(l *line, y float64) {
	x, y := marginX+5.0, y+l.base-3.5
	switch l.stop {
	case walked:
		w.SetFillColor(blue.r, blue.g, blue.b)
		w.Circle(x, y, 3.6, "F")
	case undone:
		w.SetFillColor(255, 255, 255)
		w.draw(track, 1.2)
		w.Circle(x, y, 3.2, "FD")
	case minor:
		w.SetFillColor(255, 255, 255)
		w.draw(blue, 1.2)
		w.Circle(x, y, 2.4, "FD")
	}
}

func (w *writer) text(s span, y float64) {
	w.SetTextColor(s.ink.r, s.ink.g, s.ink.b)
	x := s.x
	runs(w.faces, s.face, s.text, func(id faceID, piece string) {
		w.use(id, s.size)
		w.Text(x, y, piece)
		for _, r := range piece {
			x += width(w.faces, s.face, r) * s.size
		}
	})
	if s.struck {
		w.draw(s.ink, 0.7)
		w.Line(s.x, y-s.size*0.28, x, y-s.size*0.28)
	}
}

func (w *writer) foot(text, number string) {
	s := &setter{faces: w.faces}
	y := pageHeight - 32
	w.draw(hairline, 0.6)
	w.Line(marginX, y-13, right, y-13)
	end := right - s.width(regular, quietSize, number)
	w.text(span{end, number, regular, quietSize, grey, false}, y)
	rows := s.wrap(regular, quietSize, end-marginX-20, s.cleanLine(text))
	if len(rows) > 1 {
		rows[0] += " …"
	}
	w.text(span{marginX, rows[0], regular, quietSize, grey, false}, y)
}

func (w *writer) draw(c ink, thickness float64) {
	w.SetDrawColor(c.r, c.g, c.b)
	w.SetLineWidth(thickness)
}
