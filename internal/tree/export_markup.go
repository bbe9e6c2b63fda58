package tree

import (
	"html"
	"html/template"
	"net/url"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// authored reads the Markdown of a tree's author: CommonMark with tables and
// struck-out text. In HTML nothing of it is a tag of the author's own, links
// lead to the web or to mail, pictures are words, and headings are bold
// paragraphs, so that none passes for the record's.
var authored = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(authoredHTML{}, 100))),
)

// authoredMarkup returns the author's Markdown as HTML.
func authoredMarkup(markdown string) template.HTML {
	var b strings.Builder
	if err := authored.Convert([]byte(visible(markdown)), &b); err != nil {
		return template.HTML("<p>" + html.EscapeString(markdown) + "</p>")
	}
	return template.HTML(b.String()) // authoredHTML lets no tag through
}

// authoredHTML writes the parts of Markdown that goldmark would write otherwise.
type authoredHTML struct{}

// RegisterFuncs says which those are.
func (h authoredHTML) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, h.rawHTML)
	r.Register(ast.KindHTMLBlock, h.block)
	r.Register(ast.KindImage, h.image)
	r.Register(ast.KindLink, h.link)
	r.Register(ast.KindAutoLink, h.autoLink)
	r.Register(ast.KindHeading, h.heading)
}

func (authoredHTML) rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(html.EscapeString(string(n.(*ast.RawHTML).Segments.Value(source))))
	}
	return ast.WalkSkipChildren, nil
}

func (authoredHTML) block(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString("<p>" + html.EscapeString(htmlBlock(n.(*ast.HTMLBlock), source)) + "</p>\n")
	}
	return ast.WalkSkipChildren, nil
}

// htmlBlock returns what stands in a block of HTML, its last line included.
func htmlBlock(n *ast.HTMLBlock, source []byte) string {
	raw := string(n.Lines().Value(source))
	if n.HasClosure() {
		raw += string(n.ClosureLine.Value(source))
	}
	return strings.TrimRight(raw, "\n")
}

// image leaves the words that stand for the picture: a record loads nothing.
func (authoredHTML) image(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkContinue, nil
}

func (authoredHTML) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	anchor(w, string(n.(*ast.Link).Destination), entering)
	return ast.WalkContinue, nil
}

func (authoredHTML) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		link := n.(*ast.AutoLink)
		to := string(link.URL(source))
		if link.AutoLinkType == ast.AutoLinkEmail {
			to = "mailto:" + to
		}
		anchor(w, to, true)
		_, _ = w.WriteString(html.EscapeString(string(link.Label(source))))
		anchor(w, to, false)
	}
	return ast.WalkSkipChildren, nil
}

func (authoredHTML) heading(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString("<p><strong>")
	} else {
		_, _ = w.WriteString("</strong></p>\n")
	}
	return ast.WalkContinue, nil
}

// anchor opens or closes a link. What leads elsewhere than to the web or to mail
// is no link.
func anchor(w util.BufWriter, to string, open bool) {
	switch {
	case !safeLink(to):
	case open:
		_, _ = w.WriteString(`<a href="` + html.EscapeString(to) + `" rel="noopener noreferrer nofollow">`)
	default:
		_, _ = w.WriteString("</a>")
	}
}

func safeLink(to string) bool {
	u, err := url.Parse(to)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http" || u.Scheme == "mailto")
}

// passage is a piece of Markdown without its markup.
type passage struct {
	text   string
	indent int
	marker string
	strong bool
	code   bool
	apart  bool // a paragraph, unlike a list's item or a table's row
}

// authoredPassages returns the author's Markdown as plain paragraphs. Links have
// their address behind them.
func authoredPassages(markdown string) []passage {
	source := []byte(visible(markdown))
	p := &passages{source: source}
	p.blocks(authored.Parser().Parse(text.NewReader(source)), 0, "")
	return p.out
}

type passages struct {
	source []byte
	out    []passage
}

// blocks walks the blocks within a node. The marker is for the first.
func (p *passages) blocks(parent ast.Node, indent int, marker string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		apart := marker == "" && n.Kind() != ast.KindTextBlock && n.Kind() != extast.KindTable
		add := func(text string, strong, code bool) {
			p.out = append(p.out, passage{text, indent, marker, strong, code, apart})
			if marker != "" {
				indent, marker = indent+1, ""
			}
		}
		switch n := n.(type) {
		case *ast.Heading:
			add(p.inline(n), true, false)
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			add(strings.TrimRight(string(n.Lines().Value(p.source)), "\n"), false, true)
		case *ast.HTMLBlock:
			add(htmlBlock(n, p.source), false, false)
		case *ast.List:
			number := n.Start
			for item := n.FirstChild(); item != nil; item = item.NextSibling() {
				bullet := "•"
				if n.IsOrdered() {
					bullet = strconv.Itoa(number) + "."
					number++
				}
				p.blocks(item, indent, bullet)
			}
		case *ast.Blockquote:
			p.blocks(n, indent+1, marker)
		case *ast.ThematicBreak:
		case *extast.Table:
			for row := n.FirstChild(); row != nil; row = row.NextSibling() {
				var cells []string
				for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
					cells = append(cells, p.inline(cell))
				}
				add(strings.Join(cells, "  |  "), row == n.FirstChild(), false)
			}
		default:
			add(p.inline(n), false, false)
		}
	}
}

// inline returns the words of a block.
func (p *passages) inline(n ast.Node) string {
	var b strings.Builder
	p.words(&b, n)
	return b.String()
}

func (p *passages) words(b *strings.Builder, parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.Write(util.UnescapePunctuations(util.ResolveNumericReferences(util.ResolveEntityNames(n.Value(p.source)))))
			switch {
			case n.HardLineBreak():
				b.WriteByte('\n')
			case n.SoftLineBreak():
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.CodeSpan:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if t, ok := c.(*ast.Text); ok {
					b.Write(t.Value(p.source))
				}
			}
		case *ast.RawHTML:
			b.Write(n.Segments.Value(p.source))
		case *ast.AutoLink:
			b.Write(n.Label(p.source))
		case *ast.Link:
			start := b.Len()
			p.words(b, n)
			if to := string(n.Destination); safeLink(to) && b.String()[start:] != to {
				b.WriteString(" (" + to + ")")
			}
		default:
			p.words(b, n)
		}
	}
}
