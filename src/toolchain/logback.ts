/** How a server's log line is written: UTC, level, thread, class. */
export const logbackEncoder =
  "<encoder><pattern>%date{yyyy-MM-dd'T'HH:mm:ss.SSS'Z', UTC} %-5level [%thread] %logger{0} - %msg%n</pattern></encoder>";

/** logback's appender `file`: 20 MB, then put away as `archive`, in which `%i` counts 1 and 2. */
export function rollingAppender({ file, archive }: { readonly file: string; readonly archive: string }): string {
  return `  <appender name="file" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>${file}</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>${archive}</fileNamePattern>
      <minIndex>1</minIndex>
      <maxIndex>2</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy">
      <maxFileSize>20MB</maxFileSize>
    </triggeringPolicy>
    ${logbackEncoder}
  </appender>
`;
}

/** logback of Cassandra's tools: warnings alone, to standard error. */
export const toolsLogback = `<configuration>
  <appender name="stderr" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder>
      <pattern>%-5level %date{HH:mm:ss,SSS} %msg%n</pattern>
    </encoder>
  </appender>
  <root level="WARN">
    <appender-ref ref="stderr"/>
  </root>
</configuration>
`;
