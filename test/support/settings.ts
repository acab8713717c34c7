/** What a role must be given of Stripe and Postmark, by a test that calls neither. */
export const settingsOfNobody = {
  STRIPE_SECRET_KEY: 'sk_test_nobody',
  STRIPE_WEBHOOK_SECRET: 'whsec_test',
  NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_pro',
  NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_enterprise',
  POSTMARK_SERVER_TOKEN: 'token',
  EMAIL_FROM: 'billing@tagih.example',
  LINK_SECRET: 'link-secret-of-the-tests',
};
