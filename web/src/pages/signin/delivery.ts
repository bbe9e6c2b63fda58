import type { TokenDelivery as Delivery } from '../../gql/graphql';

/** A browser's refresh token is in a cookie that no script can read. */
export const TokenDelivery: Delivery = 'COOKIE';
