import { useNavigate } from '@tanstack/react-router';
import { ListTree, Search } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { Autocomplete, Dialog, Input, Menu, MenuItem, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { useQuery } from 'urql';
import { failureOf } from '../api/errors';
import { atLeast, usePerson } from '../auth/store';
import { gql } from '../gql';
import type { Role } from '../gql/graphql';
import { FailureBanner } from '../ui/Banner';
import { Icon } from '../ui/Icon';
import { useDescribed } from './described';

const FindTrees = gql(`
  query FindTrees($query: String!) {
    searchTrees(query: $query, first: 8) {
      edges {
        node { id title }
        matchingNodeTitle
      }
    }
  }
`);

const pages: { to: string; label: string; needs?: Role }[] = [
  { to: '/trees', label: 'Trees' },
  { to: '/sessions', label: 'Sessions' },
  { to: '/account', label: 'Settings' },
  { to: '/account/me', label: 'My devices and password' },
  { to: '/account/members', label: 'Members', needs: 'ADMIN' },
  { to: '/account/security', label: 'Session security', needs: 'OWNER' },
  { to: '/account/security/log', label: 'Audit log', needs: 'OWNER' },
];

/** Finds a tree or a page while somebody types, from everywhere. */
export default function CommandMenu({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const person = usePerson();
  const [text, setText] = useState('');
  const query = useDeferredValue(text.trim());
  const [{ data, error, fetching }, again] = useQuery({ query: FindTrees, variables: { query: text.endsWith(' ') ? `${query} ` : query }, pause: query === '' });
  const described = useDescribed();
  const words = query.toLowerCase().split(/\s+/);
  const allPages = [...pages.filter((p) => !p.needs || atLeast(person.role, p.needs)), ...described];
  const shownPages = allPages.filter((p) => words.every((w) => p.label.toLowerCase().includes(w)));
  const trees = query === '' ? [] : (data?.searchTrees.edges ?? []);
  const items = [
    ...trees.map(({ node, matchingNodeTitle }) => ({ id: `/trees/${node.id}`, label: node.title, note: matchingNodeTitle ?? '', tree: true })),
    ...shownPages.map(({ to, label }) => ({ id: to, label, note: 'Page', tree: false })),
  ];
  return (
    <ModalOverlay className="scrim" isOpen isDismissable onOpenChange={(open) => !open && onClose()}>
      <Modal className="command">
        <Dialog aria-label="Find a tree or a page">
          <Autocomplete inputValue={text} onInputChange={setText}>
            <TextField aria-label="Find" autoFocus className="find-field">
              <Input className="input" placeholder="Find a tree or a page" />
              <Icon of={Search} />
            </TextField>
            {query !== '' && <FailureBanner failure={failureOf(error)} title="The trees could not be searched." retry={() => again({ requestPolicy: 'network-only' })} />}
            <Menu
              className="menu"
              aria-label="Found"
              items={items}
              onAction={(key) => {
                onClose();
                if (described.some((p) => p.to === key)) location.assign(String(key));
                else void navigate({ to: String(key) });
              }}
              renderEmptyState={() => <p className="none">{fetching ? 'Looking…' : error ? 'No page has these words.' : 'Nothing has these words. Try fewer or other ones.'}</p>}
            >
              {(item) => (
                <MenuItem className="menu-item" textValue={item.label}>
                  {item.tree && <Icon of={ListTree} />}
                  {item.label}
                  <span className="to">{item.note}</span>
                </MenuItem>
              )}
            </Menu>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
