// Package pdftest reads the text of PDF files as package pdf writes them, so that
// tests can say what stands on their pages. It reads no others.
package pdftest

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// File is what a PDF file shows.
type File struct {
	// Pages hold one line for each line of text, set in by a space for every 6
	// points. Pieces of one line have a "|" between them.
	Pages   []string
	Outline []string
	Info    map[string]string // Title, Author, CreationDate, …
	ID      string            // both parts, in hexadecimal
	Fonts   []string          // their names, in order of first use
}

var (
	object   = regexp.MustCompile(`(?s)\n(\d+) 0 obj\n(.*?)\nendobj`)
	contents = regexp.MustCompile(`/Contents (\d+) 0 R`)
	fontRef  = regexp.MustCompile(`/F([0-9a-f]+) (\d+) 0 R`)
	baseFont = regexp.MustCompile(`/BaseFont /utf8(\S+)`)
	idEntry  = regexp.MustCompile(`/ID \[<([0-9a-f]+)> <([0-9a-f]+)>\]`)
	titled   = regexp.MustCompile(`(?s)^<</Title (\(.*)/Parent`)
	infoPart = regexp.MustCompile(`/(Title|Author|Creator|Producer|CreationDate|ModDate) \(`)
)

// Read reads a file.
func Read(file []byte) (*File, error) {
	if !bytes.HasPrefix(file, []byte("%PDF-1.")) || !bytes.HasSuffix(file, []byte("%%EOF\n")) {
		return nil, errors.New("this is no whole PDF file")
	}
	out := &File{Info: map[string]string{}}
	if found := idEntry.FindSubmatch(file); found != nil {
		out.ID = string(found[1]) + " " + string(found[2])
	}
	objects := map[string][]byte{}
	var order []string
	for _, found := range object.FindAllSubmatch(file, -1) {
		objects[string(found[1])] = found[2]
		order = append(order, string(found[1]))
	}
	fonts := map[string]string{}
	for _, found := range fontRef.FindAllSubmatch(file, -1) {
		if name := baseFont.FindSubmatch(objects[string(found[2])]); name != nil {
			fonts[string(found[1])] = string(name[1])
		}
	}
	for _, number := range order {
		body := objects[number]
		if title := titled.FindSubmatch(body); title != nil {
			raw, _ := literal(title[1])
			out.Outline = append(out.Outline, words(raw))
		}
		if bytes.Contains(body, []byte("/CreationDate")) {
			for _, at := range infoPart.FindAllSubmatchIndex(body, -1) {
				raw, _ := literal(body[at[1]-1:])
				out.Info[string(body[at[2]:at[3]])] = words(raw)
			}
		}
		if at := contents.FindSubmatch(body); at != nil {
			page, err := inflate(objects[string(at[1])])
			if err != nil {
				return nil, fmt.Errorf("read the page in object %s: %w", number, err)
			}
			out.Pages = append(out.Pages, out.text(page, fonts))
		}
	}
	return out, nil
}

func inflate(object []byte) ([]byte, error) {
	_, stream, ok := bytes.Cut(object, []byte("stream\n"))
	if !ok {
		return nil, errors.New("it has no stream")
	}
	unpacked, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

// text returns the page's text: what each Tj shows where the Td before it stands.
func (f *File) text(page []byte, fonts map[string]string) string {
	var out strings.Builder
	var operands []string
	height := ""
	for len(page) > 0 {
		if page[0] == '(' {
			raw, n := literal(page)
			operands, page = append(operands, string(raw)), page[n:]
			continue
		}
		n := bytes.IndexAny(page, " \n(")
		if n < 0 {
			n = len(page)
		}
		token := string(page[:n])
		if page = page[n:]; token == "" {
			page = page[1:]
			continue
		}
		operands = append(operands, token)
		last := len(operands) - 1
		switch {
		case token == "Tf" && last >= 2:
			name := fonts[strings.TrimPrefix(operands[last-2], "/F")]
			if !slices.Contains(f.Fonts, name) {
				f.Fonts = append(f.Fonts, name)
			}
		case token == "Tj" && last >= 4: // x y Td text Tj
			x, _ := strconv.ParseFloat(operands[last-4], 64)
			if y := operands[last-3]; y == height {
				out.WriteByte('|')
			} else {
				out.WriteString("\n" + strings.Repeat(" ", max(0, int(x-56)/6)))
				height = y
			}
			out.WriteString(wide([]byte(operands[last-1])))
		}
		if len(operands) > 16 {
			operands = operands[8:]
		}
	}
	return strings.TrimPrefix(out.String(), "\n") + "\n"
}

// literal reads a string in parentheses and says where it ends.
func literal(from []byte) (raw []byte, n int) {
	for n = 1; n < len(from); n++ {
		switch from[n] {
		case ')':
			return raw, n + 1
		case '\\':
			n++
			if n < len(from) && from[n] == 'r' {
				raw = append(raw, '\r')
				continue
			}
		}
		if n < len(from) {
			raw = append(raw, from[n])
		}
	}
	return raw, n
}

// words reads a string of the file outside the pages: UTF-16 where it says so.
func words(raw []byte) string {
	if text, marked := bytes.CutPrefix(raw, []byte{0xfe, 0xff}); marked {
		return wide(text)
	}
	return string(raw)
}

func wide(raw []byte) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	return string(utf16.Decode(units))
}
