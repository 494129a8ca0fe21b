package dev.sessiond.conformance;

import com.google.gson.JsonObject;
import com.google.protobuf.StringValue;
import dev.sessiond.grpc.SessiondServerInterceptor;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;

/** A service with a method of each shape, whose messages are texts. */
final class Shop {
  private static final String BACKEND = "conformance.v1.Backend";
  private static final String HEALTH = "grpc.health.v1.Health";

  private final Handled handled = new Handled();

  ServerServiceDefinition backend() {
    return ServerServiceDefinition.builder(BACKEND)
        .addMethod(
            method(BACKEND, "Unary", MethodType.UNARY), ServerCalls.asyncUnaryCall(this::once))
        .addMethod(
            method(BACKEND, "ServerStream", MethodType.SERVER_STREAMING),
            ServerCalls.asyncServerStreamingCall(this::twice))
        .addMethod(
            method(BACKEND, "ClientStream", MethodType.CLIENT_STREAMING),
            ServerCalls.asyncClientStreamingCall(answers -> new Stream(answers, false)))
        .addMethod(
            method(BACKEND, "Bidi", MethodType.BIDI_STREAMING),
            ServerCalls.asyncBidiStreamingCall(answers -> new Stream(answers, true)))
        .build();
  }

  ServerServiceDefinition health() {
    return ServerServiceDefinition.builder(HEALTH)
        .addMethod(
            method(HEALTH, "Check", MethodType.UNARY), ServerCalls.asyncUnaryCall(this::once))
        .build();
  }

  private void once(StringValue request, StreamObserver<StringValue> answers) {
    answers.onNext(encoded(told()));
    answers.onCompleted();
  }

  private void twice(StringValue request, StreamObserver<StringValue> answers) {
    StringValue told = encoded(told());
    answers.onNext(told);
    answers.onNext(told);
    answers.onCompleted();
  }

  private JsonObject told() {
    return handled.told(SessiondServerInterceptor.SESSION.get());
  }

  private static StringValue encoded(JsonObject told) {
    return StringValue.of(told.toString());
  }

  private static MethodDescriptor<StringValue, StringValue> method(
      String service, String name, MethodType type) {
    return MethodDescriptor.<StringValue, StringValue>newBuilder()
        .setFullMethodName(MethodDescriptor.generateFullMethodName(service, name))
        .setType(type)
        .setRequestMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
        .build();
  }

  /** Answers each message with one, or all of them with one that counts them. */
  private final class Stream implements StreamObserver<StringValue> {
    private final StreamObserver<StringValue> answers;
    private final boolean isForEach;
    private final JsonObject told = told();
    private int received;

    Stream(StreamObserver<StringValue> answers, boolean isForEach) {
      this.answers = answers;
      this.isForEach = isForEach;
    }

    @Override
    public void onNext(StringValue message) {
      received++;
      if (isForEach) {
        answers.onNext(encoded(told));
      }
    }

    @Override
    public void onError(Throwable error) {
      // Whoever called has left.
    }

    @Override
    public void onCompleted() {
      if (!isForEach) {
        told.addProperty("received", received);
        answers.onNext(encoded(told));
      }
      answers.onCompleted();
    }
  }
}
