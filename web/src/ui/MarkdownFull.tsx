import Markdown, { type Components } from 'react-markdown';

// Pictures would ask other sites for something, and headings would break the
// page's own order.
const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  ),
  img: ({ alt }) => <span>{alt}</span>,
  h1: ({ children }) => <p><b>{children}</b></p>,
  h2: ({ children }) => <p><b>{children}</b></p>,
  h3: ({ children }) => <p><b>{children}</b></p>,
};

export default function MarkdownFull({ text }: { text: string }) {
  return <Markdown components={components}>{text}</Markdown>;
}
