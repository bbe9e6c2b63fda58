import { Link } from '@tanstack/react-router';
import { DoorPage } from './DoorPage';

/** What to do without the password. This server sends no mail, so people help. */
export default function ForgottenPasswordPage() {
  return (
    <DoorPage title="Forgotten password" footer={<Link to="/login">Back to signing in</Link>}>
      <h1 className="display">Forgotten your password?</h1>
      <p className="lead">
        This server does not send mail yet, so it cannot reset a password by itself. Look first on your other devices: where you are still signed in, your password can be changed if your browser or password manager remembers it.
      </p>
      <p className="lead">Otherwise ask an owner or admin of your account. They disable your present user and invite you anew under another address.</p>
    </DoorPage>
  );
}
