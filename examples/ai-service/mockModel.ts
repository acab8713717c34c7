import { MockLanguageModelV4 } from 'ai/test';

const tokensOf = (text: string) => Math.ceil(text.length / 4);

/** A model that needs no key and no network: it says what it was told, and counts it. */
export const mockModel = () =>
  new MockLanguageModelV4({
    modelId: 'echo',
    async doGenerate({ prompt }) {
      const told = prompt
        .flatMap((message) => (message.role === 'user' ? message.content : []))
        .map((part) => (part.type === 'text' ? part.text : ''))
        .join(' ');
      const text = `You said: ${told}`;
      const [input, output] = [tokensOf(told), tokensOf(text)];
      return {
        content: [{ type: 'text', text }],
        finishReason: { unified: 'stop', raw: undefined },
        usage: {
          inputTokens: {
            total: input,
            noCache: input,
            cacheRead: undefined,
            cacheWrite: undefined,
          },
          outputTokens: { total: output, text: output, reasoning: undefined },
        },
        warnings: [],
      };
    },
  });
