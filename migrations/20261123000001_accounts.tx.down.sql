DROP TABLE audit_log, login_sessions, session_policies, invitations, user_directory, users, accounts;
DROP FUNCTION keep_an_owner(), keep_ended(), note_move(), refuse_change();
