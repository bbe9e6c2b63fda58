// Command branchline is the whole product: the API, the web app, and what an
// operator needs around them. Each subcommand has a file of its own; this one
// deals with signals, errors and the exit code.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailure     = 1   // the command could not do its work
	exitUsage       = 2   // the command line is wrong
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

func main() {
	signals := make(chan os.Signal, 2) // two, so that neither is lost
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx := interruptible(context.Background(), signals, func() { os.Exit(exitInterrupted) })
	os.Exit(run(ctx, newRootCommand(), os.Args[1:], os.Stdout, os.Stderr))
}

// interruptible returns a context that the first signal cancels, so that a
// command stops in an orderly way. The second signal calls exit, for a person
// who does not want to wait.
func interruptible(parent context.Context, signals <-chan os.Signal, exit func()) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		cancel(interrupted{<-signals})
		<-signals
		exit()
	}()
	return ctx
}

// interrupted is why a context was cancelled by a signal.
type interrupted struct{ os.Signal }

// Error names the signal.
func (i interrupted) Error() string { return "stopped by signal: " + i.String() }

// wrongUsage is an error in the command line.
type wrongUsage struct{ error }

// run executes the command line and returns the exit code. An error is printed
// once, as a sentence.
func run(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, sentence(cause))
		return exitInterrupted
	}
	fmt.Fprintln(stderr, sentence(err))
	if _, ok := errors.AsType[wrongUsage](err); ok {
		return exitUsage
	}
	return exitFailure
}

// sentence writes an error as people write: with a capital and a full stop. A
// message of several lines, or one that ends as a sentence, keeps its form.
func sentence(err error) string {
	text := strings.TrimSpace(err.Error())
	if text == "" {
		return "Something went wrong, and nothing is known about it."
	}
	first, size := utf8.DecodeRuneInString(text)
	word, _, _ := strings.Cut(text, " ")
	// A name in small letters with signs in it, such as a file's, stays as it is.
	if unicode.IsLower(first) && strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && r != ':' && r != ',' }) < 0 {
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	if !strings.ContainsAny(text[len(text)-1:], ".?!") {
		text += "."
	}
	return text
}
