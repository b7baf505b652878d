// SPDX-License-Identifier: GPL-2.0-or-later
/** A view that fails says so, and the page lives on: what a sandbox answers may be anything. */
import { Component, type ComponentChildren } from 'preact';

interface Props {
  readonly children: ComponentChildren;
}

export class Boundary extends Component<Props, { failed: string | null }> {
  override state = { failed: null };

  override componentDidCatch(error: unknown): void {
    this.setState({ failed: error instanceof Error ? error.message : String(error) });
  }

  override render() {
    const { failed } = this.state;
    if (failed === null) return this.props.children;
    return (
      <main id="content" class="page" tabIndex={-1}>
        <h1>This view cannot be shown</h1>
        <p role="alert">
          {failed}. <a href="#/">The matrix</a>
        </p>
      </main>
    );
  }
}
