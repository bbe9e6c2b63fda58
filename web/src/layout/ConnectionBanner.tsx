import { WifiOff } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useConnection } from '../api/socket';
import { messages } from '../messages/en';
import { Icon } from '../ui/Icon';
import { clockTime } from '../ui/format';

const words = messages.connection;

/** A connection that is lost for less than this is nobody's concern. */
const patience = 2000; // ms

/** Says that the connection is lost, since when, and that it comes back by itself. */
export function ConnectionBanner() {
  const connection = useConnection();
  const since = connection.state === 'lost' ? connection.since : undefined;
  const [shown, setShown] = useState(false);
  useEffect(() => {
    setShown(false);
    if (since === undefined) return;
    const timer = setTimeout(() => setShown(true), Math.max(0, since + patience - Date.now()));
    return () => clearTimeout(timer);
  }, [since]);
  return (
    <div role="status">
      {since !== undefined && shown && (
        <div className="connection">
          <Icon of={WifiOff} size={14} />
          <span>
            <b>{navigator.onLine ? words.reconnecting : words.offline}</b> {words.shown(clockTime(since))} {words.kept} {!navigator.onLine && words.rest}
          </span>
        </div>
      )}
    </div>
  );
}
