import { createTagih } from 'tagih/client';
import { mockModel } from './mockModel.js';
import { createService } from './service.js';

const { TAGIH_URL = 'http://localhost:3000', TAGIH_API_KEY = '', PORT = '4000' } = process.env;

const tagih = createTagih({ url: TAGIH_URL, apiKey: TAGIH_API_KEY });
// Any model of the AI SDK's goes here, such as openai('gpt-5') of @ai-sdk/openai.
const service = createService(tagih, mockModel());

const server = service.listen(Number(PORT), () => {
  console.log(`Answers at http://localhost:${PORT}/answers`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    // First the requests that are being answered, then what they used.
    server.close(() => {
      tagih.close().catch((error: AggregateError) => {
        console.error(error.message, error.errors);
        process.exitCode = 1;
      });
    });
  });
}
