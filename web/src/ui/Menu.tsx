import type { ReactNode } from 'react';
import { Menu as AriaMenu, MenuItem as AriaMenuItem, type MenuItemProps, MenuTrigger, type MenuProps, Popover, Separator } from 'react-aria-components';

/** A button and the menu that it opens. */
export function Menu({ trigger, children, ...rest }: { trigger: ReactNode; children: ReactNode } & Omit<MenuProps<object>, 'children' | 'className' | 'style'>) {
  return (
    <MenuTrigger>
      {trigger}
      <Popover className="popover" placement="bottom end">
        <AriaMenu {...rest} className="menu">
          {children}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}

export const MenuItem = (props: Omit<MenuItemProps, 'className' | 'style'>) => <AriaMenuItem {...props} className="menu-item" />;

export const MenuLine = () => <Separator className="menu-line" />;
