using Microsoft.Data.Sqlite;

namespace EmailRouter.Sqlite;

/// <summary>One connection of a <see cref="SqliteFile"/> with its prepared statements. Used by one caller at a time.</summary>
/// <param name="connection">The open connection; owned.</param>
internal sealed class SqliteSession(SqliteConnection connection) : IDisposable
{
    private readonly Dictionary<string, SqliteCommand> prepared = new(StringComparer.Ordinal);

    /// <summary>Gets the connection.</summary>
    public SqliteConnection Connection { get; } = connection;

    /// <summary>Gets a statement, prepared once for each connection. Not to be used again while a reader of the same text is open, and not disposed.</summary>
    /// <param name="sql">The text; a constant, since it is kept.</param>
    /// <returns>The command with the parameter values of its last use: bind all of them.</returns>
    public SqliteCommand Statement(string sql)
    {
        if (!prepared.TryGetValue(sql, out SqliteCommand? command))
        {
            command = Connection.CreateCommand();
#pragma warning disable CA2100 // The callers pass constants; values travel as parameters.
            command.CommandText = sql;
#pragma warning restore CA2100
            command.Prepare();
            prepared.Add(sql, command);
        }

        return command;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SqliteCommand command in prepared.Values)
            command.Dispose();
        prepared.Clear();
        Connection.Dispose();
    }
}

/// <summary>Binding of values.</summary>
internal static class SqliteCommandExtensions
{
    /// <summary>Binds a value, replacing that of an earlier use.</summary>
    /// <param name="command">The statement.</param>
    /// <param name="name">The parameter with its <c>$</c>.</param>
    /// <param name="value">The value; null is NULL.</param>
    /// <returns>The statement.</returns>
    public static SqliteCommand Bind(this SqliteCommand command, string name, object? value)
    {
        int index = command.Parameters.IndexOf(name);
        if (index < 0)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        else
            command.Parameters[index].Value = value ?? DBNull.Value;
        return command;
    }
}
