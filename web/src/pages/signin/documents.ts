import { gql } from '../../gql';

export const Login = gql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      accessToken
      accessTokenExpiresAt
      loginSession { id user { id name email role } }
    }
  }
`);

export const Register = gql(`
  mutation Register($input: RegisterInput!) {
    register(input: $input) {
      accessToken
      accessTokenExpiresAt
      loginSession { id user { id name email role } }
    }
  }
`);

export const AcceptInvitation = gql(`
  mutation AcceptInvitation($input: AcceptInvitationInput!) {
    acceptInvitation(input: $input) {
      accessToken
      accessTokenExpiresAt
      loginSession { id user { id name email role } }
    }
  }
`);

export const Invitation = gql(`
  query Invitation($token: String!) {
    invitation(token: $token) {
      email
      role
      accountName
      expiresAt
    }
  }
`);
