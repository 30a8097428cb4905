/** The page of `--ui`. */
import { render } from 'preact';
import { follow } from './api.ts';
import { App } from './app.tsx';
import { Store } from './store.ts';
import 'uplot/dist/uPlot.min.css';
import './style.css';

const store = new Store();
render(<App store={store} />, document.querySelector('#app')!);
follow(
  (message) => store.take(message),
  (isConnected) => store.setConnected(isConnected),
);
