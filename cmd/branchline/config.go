package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/config"
	"github.com/branchline/branchline/internal/login"
)

//go:generate go run . config --format=env --output=../../.env.example
//go:generate go run . config --format=markdown --output=../../docs/configuration.md

// envFile is read from the working directory where it exists.
const envFile = ".env"

// loadSettings reads the settings for a command and prints warnings about them.
func loadSettings(cmd *cobra.Command, command config.Command) (config.Loaded, error) {
	loaded, err := config.Load(command, config.Source{
		Environ: os.Environ(), File: envFile,
		CheckKeys: func(ring string) error {
			_, err := login.ParseRing(login.Secret(ring))
			return err
		},
	})
	for _, warning := range loaded.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "Warning: "+warning)
	}
	return loaded, err
}

func newConfigCommand() *cobra.Command {
	var format, output, command string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings in force, secrets hidden, and what is wrong with them",
		Long: `Shows every setting that is in force and where it comes from, with secrets hidden.
Whatever is wrong is named, all of it at once, and the exit code is 1 then.

With --format=env or --format=markdown it shows the settings' documentation
instead, with their defaults: a file to copy to .env, or a page to read.`,
		Example: `  branchline config
  branchline config --format=env > .env`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var write func(io.Writer) error
			switch format {
			case "text":
				write = func(w io.Writer) error { return showSettings(cmd, w, config.Command(command)) }
			case "env":
				write = config.WriteEnv
			case "markdown":
				write = config.WriteMarkdown
			default:
				return wrongUsage{fmt.Errorf("there is no format %q. Choose text, env or markdown", format)}
			}
			switch config.Command(command) {
			case config.Serve, config.Dev, config.Migrate:
			default:
				return wrongUsage{fmt.Errorf("the command %q reads no settings. Choose serve, dev or migrate", command)}
			}
			if output == "" {
				return write(cmd.OutOrStdout())
			}
			var text bytes.Buffer
			if err := write(&text); err != nil {
				return err
			}
			if err := os.WriteFile(output, text.Bytes(), 0o644); err != nil {
				return fmt.Errorf("write the settings: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, env or markdown")
	cmd.Flags().StringVar(&command, "for", "serve", "the command whose settings are shown: serve, dev or migrate")
	cmd.Flags().StringVar(&output, "output", "", "a file to write instead of the terminal")
	complete(cmd, "format", "text", "env", "markdown")
	complete(cmd, "for", "serve", "dev", "migrate")
	return cmd
}

// complete tells the shell what a flag's value may be.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that is not there, which is a slip in this file.
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// showSettings writes what is in force. Settings that are wrong are shown as far
// as they could be read; the error says what is wrong.
func showSettings(cmd *cobra.Command, w io.Writer, command config.Command) error {
	loaded, problems := loadSettings(cmd, command)
	values := loaded.Values()
	name, text := 0, 0 // the widths of the columns
	for i, value := range values {
		if value.Text == "" {
			values[i].Text = "–"
		}
		name, text = max(name, len(value.Name)), max(text, utf8.RuneCountInString(values[i].Text))
	}
	section := ""
	for _, value := range values {
		if value.Section != section {
			section = value.Section
			fmt.Fprintf(w, "\n%s\n", section)
		}
		from := loaded.From[value.Name]
		if from == "" {
			from = "default"
		}
		fmt.Fprintf(w, "  %-*s  %-*s  %s\n", name, value.Name, text, value.Text, from)
	}
	return problems
}
