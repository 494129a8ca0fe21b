import "reflect-metadata";

import type { AddressInfo } from "node:net";

import { All, Controller, type INestApplication, Module, Req } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { Request } from "express";

import { optionalSessionOf, protect } from "../../src/express.js";
import type { Session, Validator } from "../../src/index.js";
import { CurrentSession, OptionalSession, Public, RequirePolicy, SessionGuard } from "../../src/nestjs.js";
import {
  type Backend,
  Handled,
  httpOptions,
  type Rule,
  ruledConsistency,
  ruledPolicy,
  type Serving,
} from "./rules.js";

/**
 * Serves a backend of Nest on Express, whose middleware is what protects paths, whatever their handlers say.
 */
export async function serveNest(validator: Validator, serving: Serving): Promise<Backend> {
  const app = await NestFactory.create(moduleOf(serving), { logger: false, abortOnError: false });
  if (serving.protects === undefined) {
    app.useGlobalGuards(new SessionGuard(validator, httpOptions(serving)));
  } else {
    const paths = serving.routes.map(({ path }) => path);
    app.use(protect(validator, ruledPolicy(serving.protects), paths, httpOptions(serving)));
  }
  await app.listen(0, "127.0.0.1");
  return { target: targetOf(app), stop: () => void app.close() };
}

const targetOf = (app: INestApplication): string => {
  const { port } = app.getHttpServer().address() as AddressInfo;
  return `127.0.0.1:${port}`;
};

/** A module with a handler for each route; what decorators would do is done by hand, as routes are data. */
function moduleOf(serving: Serving): new () => object {
  const handled = new Handled();
  class Routes {}
  const add = (path: string, decorator: MethodDecorator) => {
    const name = `at ${path}`;
    const handle = (session: Session | undefined, request: Request) => ({
      ...handled.answer(session ?? optionalSessionOf(request)),
      path: request.path,
    });
    Object.defineProperty(Routes.prototype, name, { value: handle, configurable: true, writable: true });
    CurrentSession()(Routes.prototype, name, 0);
    Req()(Routes.prototype, name, 1);
    const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, name) as PropertyDescriptor;
    All(path)(Routes.prototype, name, descriptor);
    decorator(Routes.prototype, name, descriptor);
  };
  if (serving.protects === undefined) for (const rule of serving.routes) add(rule.path, decoratorOf(rule));
  else add("*", Public());
  Controller()(Routes);
  class Backend {}
  Module({ controllers: [Routes] })(Backend);
  return Backend;
}

function decoratorOf(rule: Rule): MethodDecorator {
  const { consistency } = ruledConsistency(rule);
  switch (rule.access) {
    case "public":
      return Public();
    case "optional":
      return OptionalSession(ruledPolicy(rule), consistency);
    case "required":
      return RequirePolicy(ruledPolicy(rule), consistency);
  }
}
