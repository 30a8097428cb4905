/** The manual as a site with local search: scripts/site. Links that lead nowhere make the build fail. */
import { defineConfig } from 'vitepress';

const page = (text, link) => ({ text, link });

export default defineConfig({
  title: 'reclaimfs',
  description: 'A synthetic /proc with the writable reclaim file of 2013',
  // Files of the repository beside the manual.
  ignoreDeadLinks: [/^(\.\/)?\.\.\//],
  themeConfig: {
    search: { provider: 'local' },
    sidebar: [
      { text: 'Begin', items: [page('The manual', '/'), page('A daemon in ten minutes', '/tutorial')] },
      {
        text: 'Recipes',
        items: [
          page('Daemons', '/cookbook-daemons'),
          page('Tools that read /proc', '/cookbook-tools'),
          page('Studying reclaim', '/cookbook-study'),
          page('Recording a real program', '/record'),
          page('CI', '/ci'),
        ],
      },
      {
        text: 'Reference',
        items: [page('Commands', '/commands'), page('Language', '/language'), page('Library', '/reclaimfs.api')],
      },
      { text: 'More', items: [page('Troubleshooting', '/troubleshooting'), page('How it was proven', '/proven')] },
    ],
  },
});
