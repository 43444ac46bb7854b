// Starts Swagger UI on the OpenAPI document that the page names.
const place = document.getElementById("swagger-ui");

globalThis.SwaggerUIBundle({
  url: place.dataset.spec,
  domNode: place,
  deepLinking: true,
  validatorUrl: null, // the default asks swagger.io about the document
  persistAuthorization: false, // a token must not stay in the browser's storage
});
