package dev.sessiond.spring;

import dev.sessiond.Observer;
import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondClientBuilder;
import dev.sessiond.Validator;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/** Makes a client from the settings, unless the application has a validator of its own. */
@AutoConfiguration
@EnableConfigurationProperties(SessiondProperties.class)
public class SessiondClientAutoConfiguration {
  /** The client of the settings; observers that are beans are told what it does. */
  @Bean
  @ConditionalOnMissingBean(Validator.class)
  SessiondClient sessiondClient(SessiondProperties settings, ObjectProvider<Observer> observers) {
    SessiondClientBuilder builder =
        SessiondClient.builder(settings.target()).timeout(settings.timeout()).key(settings.key());
    if (settings.keyFile() != null) {
      builder.key(settings.keyFile());
    }
    observers.orderedStream().forEach(builder::observer);
    return builder.build();
  }
}
