/** A browser's refresh token is in a cookie that no script can read. */
export const TokenDelivery = 'COOKIE';
