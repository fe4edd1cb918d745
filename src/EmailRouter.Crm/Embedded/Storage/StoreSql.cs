using System.Globalization;
using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Running statements in one line each.</summary>
internal static class StoreSql
{
    /// <summary>Prepares a new connection.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="maxSize">The greatest size of the file in bytes; null for none.</param>
    public static void Configure(SqliteConnection connection, long? maxSize)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA foreign_keys = 1; PRAGMA temp_store = MEMORY";
        command.ExecuteNonQuery();
        if (maxSize is not { } bytes)
            return;
        command.CommandText = "PRAGMA page_size";
        long pages = Math.Max(1, bytes / (long)command.ExecuteScalar()!);
#pragma warning disable CA2100 // A pragma takes no parameters; the value is a number.
        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count = {pages}");
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    /// <summary>Runs a statement.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="sql">The statement; a constant, since it is kept prepared.</param>
    /// <param name="parameters">All its parameters.</param>
    /// <returns>How many rows changed.</returns>
    public static int Execute(this SqliteSession session, string sql, params (string Name, object? Value)[] parameters) =>
        session.Statement(sql).BindAll(parameters).ExecuteNonQuery();

    /// <summary>Reads the first column of the first row.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="sql">The statement; a constant, since it is kept prepared.</param>
    /// <param name="parameters">All its parameters.</param>
    /// <returns>The value; null when there is no row or the value is NULL.</returns>
    public static object? Scalar(this SqliteSession session, string sql, params (string Name, object? Value)[] parameters) =>
        session.Statement(sql).BindAll(parameters).ExecuteScalar() is { } value and not DBNull ? value : null;

    /// <summary>Reads whether there is a row.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="sql">The statement; a constant, since it is kept prepared.</param>
    /// <param name="parameters">All its parameters.</param>
    /// <returns>True when there is one.</returns>
    public static bool Any(this SqliteSession session, string sql, params (string Name, object? Value)[] parameters) =>
        session.Scalar(sql, parameters) is not null;

    /// <summary>Reads all rows; they are read before it returns, so a statement may be used again in a loop over them.</summary>
    /// <typeparam name="T">What a row becomes.</typeparam>
    /// <param name="session">The connection.</param>
    /// <param name="sql">The statement; a constant, since it is kept prepared.</param>
    /// <param name="read">Makes it of the row.</param>
    /// <param name="parameters">All its parameters.</param>
    /// <returns>The rows.</returns>
    public static List<T> Query<T>(this SqliteSession session, string sql, Func<SqliteDataReader, T> read, params (string Name, object? Value)[] parameters) =>
        ReadAll(session.Statement(sql).BindAll(parameters), read);

    /// <summary>Runs a statement that is made for the occasion and not kept.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">All its parameters.</param>
    /// <returns>How many rows changed.</returns>
    public static int ExecuteOnce(this SqliteSession session, string sql, IEnumerable<(string Name, object? Value)> parameters)
    {
        using SqliteCommand command = Create(session, sql);
        return command.BindAll(parameters).ExecuteNonQuery();
    }

    /// <summary>Reads all rows of a statement that is made for the occasion and not kept.</summary>
    /// <typeparam name="T">What a row becomes.</typeparam>
    /// <param name="session">The connection.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="read">Makes it of the row.</param>
    /// <param name="parameters">All its parameters.</param>
    /// <returns>The rows.</returns>
    public static List<T> QueryOnce<T>(this SqliteSession session, string sql, Func<SqliteDataReader, T> read,
        IEnumerable<(string Name, object? Value)> parameters)
    {
        using SqliteCommand command = Create(session, sql);
        return ReadAll(command.BindAll(parameters), read);
    }

    /// <summary>Inserts a row. Callers give every column of a table, or always the same ones, so that few statements are kept.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="table">The table.</param>
    /// <param name="columns">The columns with their values.</param>
    public static void Insert(this SqliteSession session, string table, params (string Name, object? Value)[] columns) => session.Execute(
        $"INSERT INTO \"{table}\" ({string.Join(", ", columns.Select(c => $"\"{c.Name}\""))}) VALUES ({string.Join(", ", columns.Select(c => "@" + c.Name))})",
        columns);

    /// <summary>Makes a pattern of LIKE (with the escape character \) of one with the wildcards * and ?.</summary>
    /// <param name="wildcards">The pattern.</param>
    /// <returns>The pattern of LIKE.</returns>
    public static string LikePattern(string wildcards) => wildcards
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("%", "\\%", StringComparison.Ordinal)
        .Replace("_", "\\_", StringComparison.Ordinal)
        .Replace('*', '%')
        .Replace('?', '_');

    /// <summary>Cuts text to a column's length without splitting a character.</summary>
    /// <param name="text">The text.</param>
    /// <param name="maxLength">The length; 0 for any.</param>
    /// <returns>The text as far as it fits.</returns>
    public static string Cut(string text, int maxLength) =>
        maxLength <= 0 || text.Length <= maxLength ? text : text[..(char.IsHighSurrogate(text[maxLength - 1]) ? maxLength - 1 : maxLength)];

    private static List<T> ReadAll<T>(SqliteCommand command, Func<SqliteDataReader, T> read)
    {
        using SqliteDataReader reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(read(reader));
        return rows;
    }

    private static SqliteCommand BindAll(this SqliteCommand command, IEnumerable<(string Name, object? Value)> parameters)
    {
        foreach ((string name, object? value) in parameters)
            command.Bind("@" + name, StoreValue.ToStore(value));
        return command;
    }

    private static SqliteCommand Create(SqliteSession session, string sql)
    {
        SqliteCommand command = session.Connection.CreateCommand();
#pragma warning disable CA2100 // Made of constants and of names from the catalog of tables; values are parameters.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }
}
