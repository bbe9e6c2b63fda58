package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newRootCommand() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "branchline",
		Short: "Troubleshooting decision trees for IT-support teams",
		Long: `Branchline lets IT-support teams follow troubleshooting decision trees, and lets
account owners decide how long a login lasts and end it at once.

Settings are environment variables, or lines of a file .env in the working
directory; "branchline config" shows them.`,
		Example: `  branchline dev                      try it: private database, sample data, everything on
  branchline config --format=env      every setting with its default
  branchline migrate up               bring the database up to date
  branchline serve                    serve the API and the web app
  branchline export --account owner@example.com backup
                                      write an account's trees to files`,
		SilenceErrors: true, // run prints them
		SilenceUsage:  true, // a wall of flags hides the sentence that helps
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return wrongUsage{fmt.Errorf("%w. Run \"%s --help\"", err, cmd.CommandPath())}
	})
	root.AddCommand(newServeCommand(), newDevCommand(), newConfigCommand(), newMigrateCommand(), newExportCommand(), newImportCommand(), newUserCommand(), newVersionCommand())
	return root
}

// group makes a command that has only subcommands: alone it shows its help, and
// a word that is none of them is wrong usage.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		text := fmt.Sprintf("there is no command %q", cmd.CommandPath()+" "+args[0])
		cmd.SuggestionsMinimumDistance = 2 // letters
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			text += ". Did you mean " + strings.Join(near, " or ") + "?"
		} else {
			text += ". Run \"" + cmd.CommandPath() + " --help\""
		}
		return wrongUsage{fmt.Errorf("%s", text)}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// exactly asks for named arguments, and for no others.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		right := strings.Join(append([]string{cmd.CommandPath()}, names...), " ")
		switch {
		case len(args) < len(names):
			return wrongUsage{fmt.Errorf("the argument %s is missing. Write: %s", names[len(args)], right)}
		case len(args) > len(names):
			return wrongUsage{fmt.Errorf("%q is one argument too many. Write: %s", args[len(names)], right)}
		}
		return nil
	}
}
