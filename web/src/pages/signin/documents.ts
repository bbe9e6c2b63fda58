// What the pages before signing in send. They are texts and not parsed documents, so
// that these pages load without the client that the others share.
import type { Person } from '../../auth/store';

/** What every way of signing in answers with. */
export interface SignedIn {
  accessToken: string;
  accessTokenExpiresAt: string;
  loginSession: { id: string; user: Person };
}

const signedIn = '{ accessToken accessTokenExpiresAt loginSession { id user { id name email role } } }';

export const login = `mutation Login($input: LoginInput!) { login(input: $input) ${signedIn} }`;
export type Login = { login: SignedIn };
export type LoginVariables = { input: { email: string; password: string; tokenDelivery: 'COOKIE' } };

export const register = `mutation Register($input: RegisterInput!) { register(input: $input) ${signedIn} }`;
export type Register = { register: SignedIn };
export type RegisterVariables = { input: { accountName: string; name: string; email: string; password: string; tokenDelivery: 'COOKIE' } };

export const acceptInvitation = `mutation AcceptInvitation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) ${signedIn} }`;
export type AcceptInvitation = { acceptInvitation: SignedIn };
export type AcceptInvitationVariables = { input: { token: string; name: string; password: string; tokenDelivery: 'COOKIE' } };

export const invitation = 'query Invitation($token: String!) { invitation(token: $token) { email role accountName expiresAt } }';
export type Invitation = { invitation: { email: string; role: Person['role']; accountName: string; expiresAt: string } | null };
