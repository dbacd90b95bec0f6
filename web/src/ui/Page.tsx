import { type ReactNode, useEffect } from 'react';
import classes from './Page.module.css';

type Props = {
  title: string;
  /** The part of the page that is shown, for the window's title. */
  part?: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
};

/** A page's frame: its title, which is the window's too, what can be done with all of it, and its content. */
export function Page({ title, part, subtitle, actions, children }: Props) {
  useEffect(() => {
    document.title = `${part ? `${part}, ` : ''}${title} · Picket`;
  }, [title, part]);
  return (
    <>
      <div className={classes.head}>
        <div className={classes.words}>
          <h1>{title}</h1>
          {subtitle && <div className={classes.subtitle}>{subtitle}</div>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </>
  );
}
