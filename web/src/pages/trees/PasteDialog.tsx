import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useMutation } from 'urql';
import { failureOf } from '../../api/errors';
import { FailureBanner } from '../../ui/Banner';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Field } from '../../ui/Field';
import { ImportTree } from './documents';

/** Makes a draft of a pasted runbook. What is wrong with it is said by line, and nothing is made then. */
export function PasteDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const [{ fetching, data, error }, run] = useMutation(ImportTree);
  const [content, setContent] = useState('');
  const failure = failureOf(error);
  const problems = data?.importTree.tree ? [] : (data?.importTree.problems ?? []);
  const submit = async () => {
    const format = content.trimStart().startsWith('{') ? 'JSON' : 'MARKDOWN';
    const { data: done } = await run({ input: { format, content } });
    const tree = done?.importTree.tree;
    if (tree) await navigate({ to: '/trees/$treeId', params: { treeId: tree.id } });
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      wide
      busy={fetching}
      title="Paste a runbook"
      footer={
        <>
          <Button onPress={onClose} isDisabled={fetching}>
            Cancel
          </Button>
          <Button kind="primary" isPending={fetching} isDisabled={content.trim() === ''} onPress={() => void submit()}>
            Make a draft
          </Button>
        </>
      }
    >
      {failure && <FailureBanner failure={failure} />}
      <Field label="Markdown outline, or this product’s JSON" value={content} onChange={setContent} lines={14} mono autoFocus placeholder={'# No internet at a site\n\n## Is the modem on?\n\n- Yes → Restart it\n- No → Plug it in'} />
      {problems.length > 0 && (
        <ul className="grid max-h-48 gap-1 overflow-auto text-small" aria-label="What is wrong">
          {problems.map((p, i) => (
            <li key={i} className="err">
              <span className="num">
                {p.line ? `Line ${p.line}${p.column ? `:${p.column}` : ''}` : p.severity.toLowerCase()}
              </span>
              <span>{p.message}</span>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
