import { Copy, Download } from 'lucide-react';
import { useEffect, useState } from 'react';
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { useQuery } from 'urql';
import { failureOf } from '../api/errors';
import type { TreeSessionExportFormat } from '../gql/graphql';
import { isShortcut } from '../layout/keys';
import { counted } from '../messages/en';
import { FailureBanner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { Check } from '../ui/Check';
import { copy } from '../ui/copy';
import { Icon } from '../ui/Icon';
import { Loading } from '../ui/Loading';
import { ExportWalk } from './documents';

const formats: { id: TreeSessionExportFormat; name: string }[] = [
  { id: 'TEXT', name: 'Text' },
  { id: 'MARKDOWN', name: 'Markdown' },
  { id: 'HTML', name: 'HTML' },
  { id: 'JSON', name: 'JSON' },
  { id: 'PDF', name: 'PDF' },
];

/** The record for the ticket, in every format. What is shown is what is copied. */
export function ExportPanel({ sessionId, step, pad }: { sessionId: string; step: number; pad: number | undefined }) {
  const [format, setFormat] = useState<TreeSessionExportFormat>('TEXT');
  const [options, setOptions] = useState({ includeNotes: true, includeTimings: false, includeUndone: false, redactSensitive: true, includeScratchpad: false });
  const [{ data, fetching, error }, again] = useQuery({ query: ExportWalk, variables: { input: { sessionId, format, ...options } }, requestPolicy: 'network-only' });
  const file = data?.exportSession;
  const ready = file && !fetching; // until then the record shown is the last one's
  const failure = failureOf(error);
  // A session that goes on has another record after each step, and the scratchpad is written on.
  useEffect(() => {
    if (step > 0) again({ requestPolicy: 'network-only' });
  }, [step, pad, again]);

  const text = file && file.encoding === 'UTF8' ? file.content : undefined;
  const copyForTicket = () => {
    if (text === undefined || !ready) return;
    void copy(text, `Copied: ${counted(text.trimEnd().split('\n').length, 'line', 'lines')} of text`);
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== 't' || !isShortcut(event) || text === undefined) return;
      event.preventDefault();
      copyForTicket();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  return (
    <section className="ticket sheet" aria-label="For the ticket">
      <div className="ticket-head">
        <ToggleButtonGroup className="seg" aria-label="Format" selectionMode="single" disallowEmptySelection selectedKeys={[format]} onSelectionChange={(keys) => setFormat([...keys][0] as TreeSessionExportFormat)}>
          {formats.map((f) => (
            <ToggleButton id={f.id} key={f.id}>
              {f.name}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
        {format === 'PDF' ? (
          <Button kind="primary" icon={<Icon of={Download} />} isDisabled={!ready} onPress={() => file && download(file)}>
            Download
          </Button>
        ) : (
          <Button kind="primary" icon={<Icon of={Copy} />} shortcut="T" isDisabled={text === undefined || !ready} onPress={copyForTicket}>
            Copy for ticket
          </Button>
        )}
      </div>
      {failure && <FailureBanner failure={failure} retry={() => again({ requestPolicy: 'network-only' })} />}
      {fetching && !file && <Loading label="Writing the record" />}
      {text !== undefined && (
        <pre tabIndex={0} aria-label="The record as it is copied">
          {text}
        </pre>
      )}
      {file?.encoding === 'BASE64' && <p className="empty">{file.filename}, {Math.ceil((file.content.length * 3) / 4 / 1024)} kB, ready to download.</p>}
      <div className="ticket-foot">
        <Check isSelected={options.includeNotes} onChange={(on) => setOptions((o) => ({ ...o, includeNotes: on }))}>
          Notes
        </Check>
        <Check isSelected={options.includeTimings} onChange={(on) => setOptions((o) => ({ ...o, includeTimings: on }))}>
          Times per step
        </Check>
        <Check isSelected={options.includeUndone} onChange={(on) => setOptions((o) => ({ ...o, includeUndone: on }))}>
          Undone steps
        </Check>
        <Check isSelected={options.redactSensitive} onChange={(on) => setOptions((o) => ({ ...o, redactSensitive: on }))}>
          Hide sensitive values
        </Check>
        {pad !== undefined && (
          <Check isSelected={options.includeScratchpad} onChange={(on) => setOptions((o) => ({ ...o, includeScratchpad: on }))}>
            Scratchpad
          </Check>
        )}
        {text !== undefined && ready && (
          <button type="button" className="link" onClick={() => download(file)}>
            Keep as a file
          </button>
        )}
      </div>
    </section>
  );
}

/** Gives the file to the browser to keep. */
function download(file: { filename: string; mediaType: string; content: string; encoding: string }): void {
  const bytes = file.encoding === 'BASE64' ? Uint8Array.from(atob(file.content), (c) => c.charCodeAt(0)) : file.content;
  const url = URL.createObjectURL(new Blob([bytes], { type: file.mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.filename;
  link.click();
  URL.revokeObjectURL(url);
}
