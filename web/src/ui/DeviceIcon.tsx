import { Monitor, Smartphone } from 'lucide-react';
import { Icon } from './Icon';

/** What somebody is signed in on, as far as its name tells. */
export const DeviceIcon = ({ device, size }: { device: string; size?: 20 | undefined }) => <Icon of={/iphone|ipad|android/i.test(device) ? Smartphone : Monitor} size={size} />;
