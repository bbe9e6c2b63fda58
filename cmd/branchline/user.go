package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/login"
)

func newUserCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "user",
		Short: "Help somebody who cannot sign in any more",
	})
	cmd.AddCommand(newResetPasswordCommand())
	return cmd
}

func newResetPasswordCommand() *cobra.Command {
	var accountName, email string
	cmd := &cobra.Command{
		Use:   "reset-password",
		Short: "Give somebody a new password, and sign them out everywhere",
		Long: `Gives one person of an account a new random password and prints it, this once. It
ends all their login sessions, as a change of the password does, and stands in the
account's audit log as the operator's doing.

Make sure by another way that it is that person who asks. Have them change the
password after they have signed in: it was seen by whoever ran this.`,
		Example: `  branchline user reset-password --account owner@example.com --email ann@example.com`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if email == "" {
				return wrongUsage{fmt.Errorf("the person is missing. Name them by their e-mail address: %s --account owner@example.com --email ann@example.com", cmd.CommandPath())}
			}
			return forAccount(cmd, accountName, func(ctx context.Context, o *operator) error {
				return o.resetPassword(ctx, cmd, email)
			})
		},
	}
	cmd.Flags().StringVar(&accountName, "account", "", "the account: its id, or the e-mail address of one of its owners")
	cmd.Flags().StringVar(&email, "email", "", "the e-mail address with which the person signs in")
	return cmd
}

// resetPassword gives somebody a new password and prints it.
func (o *operator) resetPassword(ctx context.Context, cmd *cobra.Command, email string) error {
	user, err := o.person(ctx, email)
	if err != nil {
		return err
	}
	if !user.DisabledAt.IsZero() {
		return fmt.Errorf("%s is disabled, and could not sign in with any password. Have an owner enable them first", user.Email)
	}
	password := newPassword()
	logins := &login.Service{Store: o.logins, Hints: noHints{}, Passwords: login.NewPasswords(login.DefaultArgon2()), Now: o.now}
	ended, err := logins.ResetPassword(ctx, user.AccountID, user.ID, password, "branchline user reset-password")
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s signs in with this password from now on:\n\n  %s\n\n%s ended. Have the password changed after the first sign-in.\n",
		user.Email, string(password), count(ended, "login session"))
	return nil
}

// newPassword returns a password of 100 random bits, in groups that can be read out.
func newPassword() login.Secret {
	text := strings.ToLower(rand.Text())
	return login.Secret(strings.Join([]string{text[0:4], text[4:8], text[8:12], text[12:16], text[16:20]}, "-"))
}
