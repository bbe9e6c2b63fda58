package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// isTerminal says whether a person sits at the other end of a stream. The null
// device is a character device as well, and nobody sits there.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// progress is a line that says how far a command has come. It is written to
// terminals only.
type progress struct {
	out   io.Writer // nil where nobody looks
	total int
}

func newProgress(cmd *cobra.Command, total int) *progress {
	p := &progress{total: total}
	if isTerminal(cmd.ErrOrStderr()) {
		p.out = cmd.ErrOrStderr()
	}
	return p
}

// show replaces the line. The name is clipped: a line that wraps would stay.
func (p *progress) show(doing string, n int, name string) {
	if p.out == nil {
		return
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s %d of %d  %s", doing, n, p.total, clipped(printable(name), 40))
}

// clear removes the line, before something else is written and at the end.
func (p *progress) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func clipped(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// printable returns a text that does nothing to a terminal: files' names may hold
// control characters.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// confirmed asks whoever sits at the terminal to type yes. Where nobody does, as in
// a script, it is taken as said.
func confirmed(ctx context.Context, cmd *cobra.Command, question string) error {
	if !isTerminal(cmd.InOrStdin()) {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s Type yes to go on: ", question)
	answer := make(chan string, 1) // the read cannot be ended; the program ends with it
	go func() {
		line, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(cmd.ErrOrStderr())
		return ctx.Err()
	case text := <-answer:
		if !strings.EqualFold(text, "yes") {
			return errors.New("nothing was changed: it was not confirmed")
		}
		return nil
	}
}
