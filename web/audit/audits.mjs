// Runs graphql-http's audits against the URL in the first argument and prints
// one line per audit: status, id, name and, where it is not ok, the reason.
import { serverAudits } from 'graphql-http';

for (const audit of serverAudits({ url: process.argv[2] })) {
  const result = await audit.fn();
  const line = [result.status, result.id, result.name];
  if (result.status !== 'ok') line.push(result.reason);
  console.log(line.join('\t'));
}
