// Injects a namespace, and closes the client when Nest ends.
import 'reflect-metadata';
import { Controller, Get, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client, type Config } from 'castalia';

const client = new Client();

@Injectable()
class Greeting implements OnApplicationShutdown {
  readonly heard: (string | undefined)[] = [];

  constructor(@Inject('config') readonly config: Config) {
    config.on('change', ({ changes }) => this.heard.push(changes.get('greeting')?.newValue));
  }

  onApplicationShutdown() {
    return client.close();
  }
}

@Controller()
class Greetings {
  constructor(@Inject(Greeting) readonly greeting: Greeting) {}

  @Get()
  read() {
    return { worker: process.pid, greeting: this.greeting.config.get('greeting'), heard: this.greeting.heard };
  }
}

@Module({
  controllers: [Greetings],
  providers: [Greeting, { provide: 'config', useFactory: () => client.config('application') }],
})
class App {}

const app = await NestFactory.create(App);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
